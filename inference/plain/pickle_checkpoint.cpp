// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/pickle_checkpoint.h"

#include "inference/plain/pickle_machine.h"
#include "inference/plain/zip_directory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

namespace limn {

namespace {

using Kind = PickleMachine::Kind;
using Value = PickleMachine::Value;

// A released checkpoint's pickle takes 35 KB, one with its optimiser's state 120 KB.
constexpr std::uint64_t kMaxPickleBytes = 4u << 20;
// Beyond the file's size, for views that share numbers.
constexpr std::uint64_t kSharedBytes = 4u << 20;
// Of a tensor whose numbers lie scattered; the network's largest takes 9 MB in fp32.
constexpr std::uint64_t kMaxScatteredBytes = 24u << 20;

Error invalid(const std::string& file, std::string what) {
    return {ErrorCode::CheckpointInvalid, {file, std::move(what)}};
}

class CheckpointReader {
public:
    CheckpointReader(const ByteSource& source, Contents contents) : m_source(source), m_contents(contents) {}

    Result<TensorFile> read();

private:
    Result<std::vector<unsigned char>> readPickle();
    Result<const PickleMachine::Dict*> stateDict(const PickleMachine& machine) const;
    Result<StoredTensor> readTensor(const PickleMachine& machine, const PickleMachine::Tensor& tensor,
                                    std::string name);
    Result<void> readNumbers(const ZipEntry& entry, const std::string& entryName,
                             const PickleMachine::Tensor& tensor, std::uint64_t storageCount,
                             StoredTensor& to);
    Result<void> payFor(std::uint64_t bytesToRead);

    const ByteSource& m_source;
    Contents m_contents;
    ZipDirectory m_directory;
    std::string m_folder; // in the zip, with its slash
    std::uint64_t m_bytesKept = 0;
    std::uint64_t m_bytesRead = 0;
};

Result<std::vector<unsigned char>> CheckpointReader::readPickle() {
    constexpr std::string_view kPickle = "data.pkl";
    // The folder's name need not be the file's: files are renamed.
    const ZipEntry* pickle = nullptr;
    std::string pickleName;
    for (const auto& [name, entry] : m_directory.entries()) {
        const bool inFolder = name.size() > kPickle.size() && name.ends_with(kPickle) &&
                              name[name.size() - kPickle.size() - 1] == '/';
        if (name != kPickle && !inFolder)
            continue;
        if (pickle)
            return invalid(m_source.name(), "it is a zip with more than one data.pkl");
        pickle = &entry;
        pickleName = name;
    }
    if (!pickle)
        return invalid(m_source.name(),
                       "it is a zip file, but not one of PyTorch's torch.save (no data.pkl)");
    m_folder = pickleName.substr(0, pickleName.size() - kPickle.size());
    if (m_directory.find(m_folder + "constants.pkl")) {
        return invalid(m_source.name(),
                       "it holds a TorchScript program; save the model's state_dict with torch.save");
    }
    if (const ZipEntry* order = m_directory.find(m_folder + "byteorder")) {
        std::array<unsigned char, 6> expected{'l', 'i', 't', 't', 'l', 'e'};
        std::array<unsigned char, 6> found{};
        if (order->size == found.size()) {
            if (Result<void> read = m_directory.readAll(m_source, *order, m_folder + "byteorder", found);
                !read)
                return read.error();
        }
        if (found != expected) {
            return Error{ErrorCode::FeatureNotHandled,
                         {m_source.name(), "numbers that are not stored in little-endian byte order"}};
        }
    }
    if (pickle->size > kMaxPickleBytes) {
        return Error{ErrorCode::FileTooLarge,
                     {m_source.name(), "a pickle of " + std::to_string(pickle->size) + " bytes",
                      std::to_string(kMaxPickleBytes)}};
    }
    // Where it lies is checked before memory is taken for it.
    if (const Result<std::uint64_t> begin = ZipDirectory::dataOffset(m_source, *pickle, pickleName); !begin)
        return begin.error();
    std::vector<unsigned char> bytes(pickle->size);
    if (Result<void> read = ZipDirectory::readAll(m_source, *pickle, pickleName, bytes); !read)
        return read.error();
    return bytes;
}

Result<const PickleMachine::Dict*> CheckpointReader::stateDict(const PickleMachine& machine) const {
    const Value& root = machine.root();
    if (root.kind == Kind::Opaque) {
        return invalid(m_source.name(), "it holds a whole Python object (" +
                                            shownName(machine.nameOfOpaque(root)) +
                                            "), not weights; save its state_dict()");
    }
    if (root.kind != Kind::Dict)
        return invalid(m_source.name(), "its pickle holds no dictionary");
    const PickleMachine::Dict& top = machine.dict(root);
    const auto textOf = [&](const Value& key) {
        return key.kind == Kind::Text ? machine.text(key) : std::string_view();
    };
    for (const std::string_view wanted : {"model", "model_state_dict", "state_dict"}) {
        // As in Python, the last of equal keys holds.
        const auto found = std::find_if(top.rbegin(), top.rend(), [&](const auto& item) {
            return textOf(item.first) == wanted && item.second.kind != Kind::Tensor;
        });
        if (found == top.rend())
            continue;
        if (found->second.kind == Kind::Dict)
            return &machine.dict(found->second);
        if (found->second.kind == Kind::Opaque) {
            return invalid(m_source.name(), "under " + shownName(wanted) +
                                                " it holds a whole Python object (" +
                                                shownName(machine.nameOfOpaque(found->second)) +
                                                "), not weights; save its state_dict()");
        }
    }
    const bool anyTensor = std::any_of(top.begin(), top.end(),
                                       [](const auto& item) { return item.second.kind == Kind::Tensor; });
    if (!anyTensor)
        return invalid(m_source.name(), "no weights were found in it, neither at the top nor under model, "
                                        "model_state_dict or state_dict");
    return &top;
}

Result<void> CheckpointReader::payFor(std::uint64_t bytesToRead) {
    m_bytesRead += bytesToRead;
    if (m_bytesRead / 4 > m_source.size() + kSharedBytes)
        return invalid(m_source.name(),
                       "its tensors share their numbers so much that reading them would take "
                       "many times the file's size");
    return {};
}

Result<StoredTensor> CheckpointReader::readTensor(const PickleMachine& machine,
                                                  const PickleMachine::Tensor& tensor, std::string name) {
    const PickleMachine::Storage& storage = machine.storage(tensor.storage);
    const std::string shown = shownName(name);
    StoredTensor to;
    to.name = std::move(name);
    to.dtype = storage.dtype;
    to.shape.assign(tensor.shape.begin(), tensor.shape.begin() + tensor.dimensions);

    // How many numbers, and where the last one lies; a dimension of 0 needs none at all.
    const bool none = std::find(to.shape.begin(), to.shape.end(), 0) != to.shape.end();
    std::uint64_t count = none ? 0 : 1;
    std::optional<std::uint64_t> last = static_cast<std::uint64_t>(tensor.offset);
    for (std::size_t d = 0; d < to.shape.size() && !none; ++d) {
        const auto extent = static_cast<std::uint64_t>(to.shape[d]);
        const std::optional<std::uint64_t> product = checkedProduct(count, extent);
        const std::optional<std::uint64_t> reach =
            checkedProduct(extent - 1, static_cast<std::uint64_t>(tensor.stride[d]));
        last = last && reach ? checkedSum(*last, *reach) : std::nullopt;
        if (!product || !last)
            return invalid(m_source.name(), "the shape of " + shown + " overflows");
        count = *product;
    }
    if (!none && *last >= storage.count) {
        return invalid(m_source.name(), shown + " reaches number " + std::to_string(*last) +
                                            " of a storage of " + std::to_string(storage.count));
    }
    const std::optional<std::uint64_t> bytes = checkedProduct(count, sizeOf(to.dtype));
    const std::uint64_t most = m_source.size() + kSharedBytes;
    if (!bytes || *bytes > most || m_bytesKept + *bytes > most) {
        return Error{ErrorCode::FileTooLarge,
                     {m_source.name(), "tensors of more bytes than the file itself, at " + shown,
                      std::to_string(most) + " bytes"}};
    }
    m_bytesKept += *bytes;

    const std::string entryName = m_folder + "data/" + std::string(storage.key.substr(0, 64));
    const ZipEntry* entry = m_directory.find(entryName);
    if (!entry)
        return invalid(m_source.name(),
                       "the numbers of " + shown + " (" + shownName(entryName) + ") are missing");
    const std::optional<std::uint64_t> storageBytes = checkedProduct(storage.count, sizeOf(to.dtype));
    if (!storageBytes || *storageBytes != entry->size) {
        return invalid(m_source.name(), "the storage of " + shown + " should hold " +
                                            std::to_string(storage.count) + " numbers, and has " +
                                            std::to_string(entry->size) + " bytes");
    }
    if (m_contents == Contents::NamesAndShapes || none)
        return to;
    if (Result<void> read = readNumbers(*entry, entryName, tensor, storage.count, to); !read)
        return read.error();
    return to;
}

// The entry holds the whole storage, the tensor lies within it, and its size is allowed: checked before.
Result<void> CheckpointReader::readNumbers(const ZipEntry& entry, const std::string& entryName,
                                           const PickleMachine::Tensor& tensor, std::uint64_t storageCount,
                                           StoredTensor& to) {
    const std::size_t width = sizeOf(to.dtype);
    const auto count = static_cast<std::uint64_t>(to.count());
    const Result<std::uint64_t> begin = ZipDirectory::dataOffset(m_source, entry, entryName);
    if (!begin)
        return begin.error();

    std::uint64_t span = 1; // numbers from the first to the last
    bool contiguous = true;
    std::uint64_t dense = 1;
    for (std::size_t d = to.shape.size(); d-- > 0;) {
        const auto extent = static_cast<std::uint64_t>(to.shape[d]);
        const auto stride = static_cast<std::uint64_t>(tensor.stride[d]);
        contiguous = contiguous && (extent == 1 || stride == dense);
        dense *= extent;
        span += (extent - 1) * stride;
    }
    if (Result<void> paid = payFor((contiguous ? count : span) * width); !paid)
        return paid;
    const std::uint64_t first = *begin + static_cast<std::uint64_t>(tensor.offset) * width;
    if (contiguous) {
        to.bytes.resize(count * width);
        if (count == storageCount)
            return ZipDirectory::readAll(m_source, entry, entryName, to.bytes);
        return m_source.read(first, to.bytes);
    }

    if (span * width > kMaxScatteredBytes) {
        return Error{ErrorCode::FeatureNotHandled,
                     {m_source.name(), "the tensor " + shownName(to.name) +
                                           ", whose numbers lie scattered over " +
                                           std::to_string(span * width) + " bytes"}};
    }
    std::vector<unsigned char> scattered(span * width);
    if (Result<void> read = m_source.read(first, scattered); !read)
        return read;
    to.bytes.resize(count * width);
    std::array<std::int64_t, kMaxDimensions> index{};
    std::uint64_t from = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::memcpy(to.bytes.data() + i * width, scattered.data() + from * width, width);
        for (std::size_t d = to.shape.size(); d-- > 0;) {
            from += static_cast<std::uint64_t>(tensor.stride[d]);
            if (++index[d] < to.shape[d])
                break;
            from -= static_cast<std::uint64_t>(to.shape[d]) * static_cast<std::uint64_t>(tensor.stride[d]);
            index[d] = 0;
        }
    }
    return {};
}

Result<TensorFile> CheckpointReader::read() {
    unsigned char head[4] = {};
    if (m_source.size() >= sizeof(head)) {
        if (Result<void> read = m_source.read(0, head); !read)
            return read.error();
    }
    if (head[0] == 0x80 && head[1] <= 5) {
        return invalid(m_source.name(),
                       "it is in the format that PyTorch wrote before version 1.6; load it in "
                       "PyTorch and save it again with torch.save");
    }
    if (head[0] != 'P' || head[1] != 'K')
        return invalid(m_source.name(), "it is no file of PyTorch's torch.save (a zip)");
    Result<ZipDirectory> directory = ZipDirectory::read(m_source);
    if (!directory)
        return directory.error();
    m_directory = std::move(*directory);
    const Result<std::vector<unsigned char>> pickle = readPickle();
    if (!pickle)
        return pickle.error();
    PickleMachine machine(*pickle);
    if (const std::optional<std::string> wrong = machine.run())
        return invalid(m_source.name(), *wrong);
    const Result<const PickleMachine::Dict*> found = stateDict(machine);
    if (!found)
        return found.error();
    const PickleMachine::Dict& state = **found;

    // As in Python, a key that is set again keeps its place and takes the later value.
    std::unordered_map<std::string_view, std::size_t> places;
    std::vector<std::pair<std::string_view, const PickleMachine::Tensor*>> wanted;
    for (const auto& [key, value] : state) {
        if (value.kind == Kind::Opaque || value.kind == Kind::Global) {
            const std::string what =
                key.kind == Kind::Text ? shownName(machine.text(key)) : std::string("an entry");
            return invalid(m_source.name(), "among its weights " + what + " is no tensor but " +
                                                shownName(machine.nameOfOpaque(value)));
        }
        if (value.kind != Kind::Tensor)
            continue; // numbers and texts beside the weights
        if (key.kind != Kind::Text || machine.text(key).size() > kMaxTensorNameBytes)
            return invalid(m_source.name(), "a tensor in it has no name, or one of more than " +
                                                std::to_string(kMaxTensorNameBytes) + " bytes");
        const auto [place, isNew] = places.emplace(machine.text(key), wanted.size());
        if (isNew)
            wanted.emplace_back(machine.text(key), &machine.tensor(value));
        else
            wanted[place->second].second = &machine.tensor(value);
        if (wanted.size() > kMaxTensors)
            return invalid(m_source.name(), "it has more than " + std::to_string(kMaxTensors) + " tensors");
    }

    TensorFile file;
    file.source = m_source.name();
    file.tensors.reserve(wanted.size());
    for (const auto& [name, tensor] : wanted) {
        Result<StoredTensor> read = readTensor(machine, *tensor, std::string(name));
        if (!read)
            return read.error();
        file.tensors.push_back(std::move(*read));
    }
    return file;
}

} // namespace

Result<TensorFile> readTorchCheckpoint(const std::string& path, Contents contents) {
    const Result<ByteSource> source = ByteSource::open(path);
    if (!source)
        return source.error();
    return CheckpointReader(*source, contents).read();
}

Result<TensorFile> parseTorchCheckpoint(std::span<const unsigned char> bytes, const std::string& name,
                                        Contents contents) {
    if (bytes.empty())
        return Error{ErrorCode::FileEmpty, {name}};
    const ByteSource source = ByteSource::over(bytes, name);
    return CheckpointReader(source, contents).read();
}

} // namespace limn
