// SPDX-License-Identifier: GPL-3.0-or-later
// The safetensors format, read and written. The header goes through a streaming parser with a fixed grammar,
// so that no JSON document can grow in memory; see tensor_file.h.
#include "inference/plain/byte_source.h"
#include "inference/plain/tensor_file.h"
#include "inference/plain/whole_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>
#include <unordered_set>

namespace limn {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxMetadataEntries = 4096;

struct Entry {
    StoredTensor tensor;
    bool hasDType = false;
    bool hasShape = false;
    std::vector<std::uint64_t> offsets;
};

bool dtypeFromName(std::string_view name, DType& dtype) {
    for (const DType known : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32,
                              DType::I16, DType::I8, DType::U8, DType::Bool}) {
        if (nameOf(known) == name) {
            dtype = known;
            return true;
        }
    }
    return false;
}

// Takes the events of the JSON parser; anything that is not in the format's grammar ends the parsing.
class HeaderReader : public nlohmann::json_sax<Json> {
public:
    explicit HeaderReader(const std::string& file) : m_file(file) {}

    std::vector<Entry> entries;
    std::map<std::string, std::string> metadata;
    std::optional<Error> error;

    bool null() override { return unexpected("null"); }
    bool boolean(bool) override { return unexpected("a truth value"); }
    bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
    bool number_float(number_float_t, const string_t&) override { return unexpected("a fraction"); }
    bool binary(binary_t&) override { return unexpected("binary data"); }

    bool number_unsigned(number_unsigned_t value) override {
        if (m_place == Place::Shape) {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                return fail("a dimension of " + shownName(entries.back().tensor.name) + " is out of range");
            if (entries.back().tensor.shape.size() == kMaxDimensions)
                return fail(shownName(entries.back().tensor.name) + " has more than " +
                            std::to_string(kMaxDimensions) + " dimensions");
            entries.back().tensor.shape.push_back(static_cast<std::int64_t>(value));
            return true;
        }
        if (m_place == Place::Offsets) {
            if (entries.back().offsets.size() == 2)
                return fail("data_offsets of " + shownName(entries.back().tensor.name) +
                            " has more than two numbers");
            entries.back().offsets.push_back(value);
            return true;
        }
        return unexpected("a number");
    }

    bool string(string_t& text) override {
        if (m_place == Place::MetadataValue) {
            metadata[m_key] = text;
            m_place = Place::Metadata;
            return true;
        }
        if (m_place == Place::DType) {
            Entry& entry = entries.back();
            if (!dtypeFromName(text, entry.tensor.dtype)) {
                error = Error{ErrorCode::FeatureNotHandled,
                              {m_file, "numbers of kind " + shownName(text) + " in the tensor " +
                                           shownName(entry.tensor.name)}};
                return false;
            }
            entry.hasDType = true;
            m_place = Place::Tensor;
            return true;
        }
        return unexpected("a string");
    }

    bool start_object(std::size_t) override {
        if (m_place == Place::Begin)
            m_place = Place::Top;
        else if (m_place == Place::MetadataObject)
            m_place = Place::Metadata;
        else if (m_place == Place::TensorObject)
            m_place = Place::Tensor;
        else
            return unexpected("an object");
        return true;
    }

    bool key(string_t& text) override {
        switch (m_place) {
        case Place::Top:
            return topKey(text);
        case Place::Metadata:
            if (metadata.size() == kMaxMetadataEntries)
                return fail("its header has more than " + std::to_string(kMaxMetadataEntries) +
                            " metadata entries");
            if (metadata.contains(text))
                return fail("the metadata entry " + shownName(text) + " is there twice");
            m_key = text;
            m_place = Place::MetadataValue;
            return true;
        default:
            return tensorKey(text);
        }
    }

    bool end_object() override {
        if (m_place == Place::Tensor) {
            const Entry& entry = entries.back();
            if (!entry.hasDType || !entry.hasShape || entry.offsets.size() != 2)
                return fail("the header's entry " + shownName(entry.tensor.name) +
                            " lacks dtype, shape or data_offsets");
            m_place = Place::Top;
        } else if (m_place == Place::Metadata) {
            m_place = Place::Top;
        } else {
            m_place = Place::End;
        }
        return true;
    }

    bool start_array(std::size_t) override {
        if (m_place == Place::ShapeArray)
            m_place = Place::Shape;
        else if (m_place == Place::OffsetsArray)
            m_place = Place::Offsets;
        else
            return unexpected("a list");
        return true;
    }

    bool end_array() override {
        if (m_place == Place::Shape)
            entries.back().hasShape = true;
        m_place = Place::Tensor;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return fail("its header is not valid JSON (at byte " + std::to_string(position) + ")");
    }

private:
    enum class Place {
        Begin,
        Top,
        MetadataObject,
        Metadata,
        MetadataValue,
        TensorObject,
        Tensor,
        DType,
        ShapeArray,
        Shape,
        OffsetsArray,
        Offsets,
        End,
    };

    bool fail(std::string what) {
        error = Error{ErrorCode::FileCorrupt, {m_file, std::move(what)}};
        return false;
    }
    bool unexpected(const std::string& what) {
        return fail("its header holds " + what + " where the safetensors format has none");
    }

    bool topKey(const std::string& text) {
        if (text == "__metadata__") {
            if (!metadata.empty())
                return fail("__metadata__ is there twice");
            m_place = Place::MetadataObject;
            return true;
        }
        if (text.size() > kMaxTensorNameBytes)
            return fail("the tensor name " + shownName(text) + " is longer than " +
                        std::to_string(kMaxTensorNameBytes) + " bytes");
        if (entries.size() == kMaxTensors)
            return fail("it has more than " + std::to_string(kMaxTensors) + " tensors");
        if (!m_names.insert(text).second)
            return fail("the tensor " + shownName(text) + " is there twice");
        entries.emplace_back().tensor.name = text;
        m_place = Place::TensorObject;
        return true;
    }

    bool tensorKey(const std::string& text) {
        const Entry& entry = entries.back();
        if (text == "dtype" && !entry.hasDType)
            m_place = Place::DType;
        else if (text == "shape" && !entry.hasShape)
            m_place = Place::ShapeArray;
        else if ((text == "data_offsets" || text == "offsets") && entry.offsets.empty())
            m_place = Place::OffsetsArray;
        else
            return fail("the header's entry " + shownName(entry.tensor.name) + " has the key " +
                        shownName(text) + ", unknown or there twice");
        return true;
    }

    const std::string& m_file;
    Place m_place = Place::Begin;
    std::string m_key;
    std::unordered_set<std::string> m_names;
};

std::optional<std::uint64_t> bytesOf(const StoredTensor& tensor) {
    std::optional<std::uint64_t> bytes = sizeOf(tensor.dtype);
    // A dimension of 0 makes any other harmless, wherever it stands.
    if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end())
        return 0;
    for (const std::int64_t extent : tensor.shape) {
        bytes = checkedProduct(*bytes, static_cast<std::uint64_t>(extent));
        if (!bytes)
            return std::nullopt;
    }
    // A signed count must hold it too.
    if (*bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return bytes;
}

// Every tensor's range fits its shape, and together they fill the data without holes or overlaps.
std::optional<Error> checkRanges(const std::vector<Entry>& entries, std::uint64_t dataSize,
                                 const std::string& file) {
    std::vector<const Entry*> inOrder;
    for (const Entry& entry : entries) {
        const std::uint64_t begin = entry.offsets[0];
        const std::uint64_t end = entry.offsets[1];
        const std::optional<std::uint64_t> expected = bytesOf(entry.tensor);
        if (!expected)
            return Error{ErrorCode::FileCorrupt,
                         {file, "the shape of " + shownName(entry.tensor.name) + " overflows"}};
        if (end < begin || end - begin != *expected) {
            return Error{ErrorCode::FileCorrupt,
                         {file, shownName(entry.tensor.name) + " needs " + std::to_string(*expected) +
                                    " bytes, but its data_offsets are " + std::to_string(begin) + " to " +
                                    std::to_string(end)}};
        }
        if (end > dataSize) {
            return Error{ErrorCode::FileTruncated,
                         {file, "the data of " + shownName(entry.tensor.name) + " end at byte " +
                                    std::to_string(end) + " of " + std::to_string(dataSize)}};
        }
        inOrder.push_back(&entry);
    }
    std::sort(inOrder.begin(), inOrder.end(), [](const Entry* a, const Entry* b) {
        return std::tie(a->offsets[0], a->offsets[1]) < std::tie(b->offsets[0], b->offsets[1]);
    });
    std::uint64_t position = 0;
    for (const Entry* entry : inOrder) {
        if (entry->offsets[0] != position) {
            return Error{ErrorCode::FileCorrupt,
                         {file, "the data of " + shownName(entry->tensor.name) +
                                    (entry->offsets[0] < position ? " overlap another tensor's"
                                                                  : " leave a hole before them")}};
        }
        position = entry->offsets[1];
    }
    if (position != dataSize) {
        return Error{ErrorCode::FileCorrupt,
                     {file, std::to_string(dataSize - position) + " bytes follow the last tensor"}};
    }
    return std::nullopt;
}

Result<TensorFile> readFrom(const ByteSource& source, Contents contents) {
    if (source.size() < kLengthBytes)
        return Error{ErrorCode::FileTruncated, {source.name(), "it has no room for a safetensors header"}};
    unsigned char lengthBytes[kLengthBytes];
    if (Result<void> read = source.read(0, lengthBytes); !read)
        return read.error();
    std::uint64_t length = 0;
    std::memcpy(&length, lengthBytes, kLengthBytes);
    if (length > source.size() - kLengthBytes) {
        return Error{ErrorCode::FileTruncated,
                     {source.name(), "its header claims " + std::to_string(length) + " bytes, and " +
                                         std::to_string(source.size() - kLengthBytes) + " are there"}};
    }
    if (length > kMaxSafetensorsHeaderBytes) {
        return Error{ErrorCode::FileTooLarge,
                     {source.name(), "a header of " + std::to_string(length) + " bytes",
                      std::to_string(kMaxSafetensorsHeaderBytes)}};
    }

    HeaderReader reader(source.name());
    {
        std::vector<unsigned char> header(length);
        if (Result<void> read = source.read(kLengthBytes, header); !read)
            return read.error();
        const bool parsed = Json::sax_parse(header.begin(), header.end(), &reader);
        if (reader.error)
            return *reader.error;
        if (!parsed)
            return Error{ErrorCode::FileCorrupt, {source.name(), "its header is not valid JSON"}};
    }
    const std::uint64_t dataBegin = kLengthBytes + length;
    if (std::optional<Error> wrong = checkRanges(reader.entries, source.size() - dataBegin, source.name()))
        return *wrong;

    TensorFile file;
    file.source = source.name();
    file.metadata = std::move(reader.metadata);
    file.tensors.reserve(reader.entries.size());
    for (Entry& entry : reader.entries) {
        if (contents == Contents::Everything) {
            entry.tensor.bytes.resize(entry.offsets[1] - entry.offsets[0]);
            if (Result<void> read = source.read(dataBegin + entry.offsets[0], entry.tensor.bytes); !read)
                return read.error();
        }
        file.tensors.push_back(std::move(entry.tensor));
    }
    return file;
}

std::string jsonString(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Layout {
    std::string head;               // length and header, padded to a multiple of 8
    std::vector<std::size_t> order; // of the tensors' data
};

Result<Layout> layoutOf(const TensorFile& file, const std::string& path) {
    Layout layout;
    layout.order.resize(file.tensors.size());
    std::iota(layout.order.begin(), layout.order.end(), std::size_t(0));
    std::stable_sort(layout.order.begin(), layout.order.end(), [&](std::size_t a, std::size_t b) {
        return sizeOf(file.tensors[a].dtype) > sizeOf(file.tensors[b].dtype);
    });
    std::vector<std::uint64_t> begins(file.tensors.size());
    std::uint64_t position = 0;
    for (const std::size_t index : layout.order) {
        begins[index] = position;
        position += file.tensors[index].bytes.size();
    }

    std::set<std::string_view> names;
    std::string json = "{";
    if (!file.metadata.empty()) {
        json += "\"__metadata__\":{";
        for (const auto& [key, value] : file.metadata)
            json += jsonString(key) + ":" + jsonString(value) + ",";
        json.back() = '}';
        json += ',';
    }
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
        const StoredTensor& tensor = file.tensors[i];
        const bool badShape = std::any_of(tensor.shape.begin(), tensor.shape.end(),
                                          [](std::int64_t extent) { return extent < 0; });
        const std::optional<std::uint64_t> expected = badShape ? std::nullopt : bytesOf(tensor);
        if (!expected || *expected != tensor.bytes.size()) {
            return Error{ErrorCode::InvalidArgument,
                         {"the tensor " + shownName(tensor.name) + " for " + path,
                          std::to_string(tensor.bytes.size()) + " bytes", "as large as its shape says"}};
        }
        if (tensor.name == "__metadata__" || !names.insert(tensor.name).second)
            return Error{ErrorCode::InvalidArgument,
                         {"the tensor name " + shownName(tensor.name) + " for " + path,
                          tensor.name == "__metadata__" ? "reserved" : "there twice", "one of its own"}};
        json +=
            jsonString(tensor.name) + ":{\"dtype\":\"" + std::string(nameOf(tensor.dtype)) + "\",\"shape\":[";
        for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
            if (d > 0)
                json += ',';
            json += std::to_string(tensor.shape[d]);
        }
        json += "],\"data_offsets\":[" + std::to_string(begins[i]) + "," +
                std::to_string(begins[i] + tensor.bytes.size()) + "]},";
    }
    if (json.back() == ',')
        json.pop_back();
    json += '}';
    json.resize((json.size() + 7) / 8 * 8, ' ');

    const std::uint64_t length = json.size();
    layout.head.resize(kLengthBytes);
    std::memcpy(layout.head.data(), &length, kLengthBytes);
    layout.head += json;
    return layout;
}

} // namespace

Result<TensorFile> readSafetensors(const std::string& path, Contents contents) {
    const Result<ByteSource> source = ByteSource::open(path);
    if (!source)
        return source.error();
    return readFrom(*source, contents);
}

Result<TensorFile> parseSafetensors(std::span<const unsigned char> bytes, const std::string& name,
                                    Contents contents) {
    if (bytes.empty())
        return Error{ErrorCode::FileEmpty, {name}};
    return readFrom(ByteSource::over(bytes, name), contents);
}

Result<std::vector<unsigned char>> packSafetensors(const TensorFile& file) {
    const Result<Layout> layout = layoutOf(file, file.source);
    if (!layout)
        return layout.error();
    std::vector<unsigned char> bytes(layout->head.begin(), layout->head.end());
    for (const std::size_t index : layout->order)
        bytes.insert(bytes.end(), file.tensors[index].bytes.begin(), file.tensors[index].bytes.end());
    return bytes;
}

Result<void> writeSafetensors(const std::string& path, const TensorFile& file) {
    const Result<Layout> layout = layoutOf(file, path);
    if (!layout)
        return layout.error();
    WholeFile whole(path);
    whole.write(layout->head.data(), layout->head.size());
    for (const std::size_t index : layout->order)
        whole.write(file.tensors[index].bytes.data(), file.tensors[index].bytes.size());
    return whole.finish();
}

} // namespace limn
