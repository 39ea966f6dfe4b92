// SPDX-License-Identifier: GPL-3.0-or-later
// Pixels of NRRD and MetaImage through ITK's ImageIO classes, used without ImageFileReader: the buffer that
// the ImageIO fills is the one that is used on, and no class is registered anywhere.
#include "io/images/decoding.h"

#include <cstring>
#include <memory>

#include <itkMetaImageIO.h>
#include <itkNrrdImageIO.h>

#include <zlib.h>

namespace limn::images {

namespace {

// ITK's component types to ours; `first` is the first sample of the wanted slice.
template<typename T>
void toFloats(const unsigned char* first, std::size_t count, Samples& samples) {
    samples.f32.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        T value;
        std::memcpy(&value, first + i * sizeof(T), sizeof(T));
        samples.f32[i] = static_cast<float>(value);
    }
}

Result<void> takeSamples(const FileBytes& file, itk::IOComponentEnum type, const unsigned char* first,
                         std::size_t count, Samples& samples) {
    switch (type) {
    case itk::IOComponentEnum::UCHAR:
        samples.u8.assign(first, first + count);
        return {};
    case itk::IOComponentEnum::CHAR:
        samples.isOffset = true;
        samples.u16.resize(count);
        for (std::size_t i = 0; i < count; ++i)
            samples.u16[i] = static_cast<std::uint16_t>(32768 + static_cast<signed char>(first[i]));
        return {};
    case itk::IOComponentEnum::USHORT:
        samples.u16.resize(count);
        std::memcpy(samples.u16.data(), first, count * 2);
        return {};
    case itk::IOComponentEnum::SHORT:
        samples.isOffset = true;
        samples.u16.resize(count);
        std::memcpy(samples.u16.data(), first, count * 2);
        for (std::uint16_t& value : samples.u16)
            value ^= 0x8000;
        return {};
    case itk::IOComponentEnum::INT:
        toFloats<std::int32_t>(first, count, samples);
        return {};
    case itk::IOComponentEnum::UINT:
        toFloats<std::uint32_t>(first, count, samples);
        return {};
    case itk::IOComponentEnum::FLOAT:
        toFloats<float>(first, count, samples);
        return {};
    case itk::IOComponentEnum::DOUBLE:
        toFloats<double>(first, count, samples);
        return {};
    default:
        return file.notHandled("samples of the kind " + itk::ImageIOBase::GetComponentTypeAsString(type));
    }
}

// ITK's readers take a stream that ends early or is damaged for a picture with a black rest, so the stream is
// tried first: it must unpack to exactly the size of the picture, with the right checksum.
Result<void> checkPacked(const FileBytes& file, const ItkHeader& header) {
    Result<FileBytes> packed = FileBytes::open(header.packedPath);
    if (!packed)
        return packed.error();
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 32) != Z_OK) // zlib or gzip, told apart by the stream
        return Error{ErrorCode::OutOfMemory, {"reading " + file.path(), "unpacking"}};
    std::vector<unsigned char> input(64 * 1024);
    std::vector<unsigned char> output(256 * 1024);
    std::uint64_t position = header.packedOffset;
    std::uint64_t unpacked = 0;
    int state = Z_OK;
    while (state == Z_OK && unpacked <= header.unpackedBytes) {
        if (stream.avail_in == 0) {
            const std::size_t count = packed->readSome(position, input.data(), input.size());
            position += count;
            stream.next_in = input.data();
            stream.avail_in = static_cast<uInt>(count);
            if (count == 0)
                break;
        }
        stream.next_out = output.data();
        stream.avail_out = static_cast<uInt>(output.size());
        state = inflate(&stream, Z_NO_FLUSH);
        unpacked += output.size() - stream.avail_out;
    }
    inflateEnd(&stream);
    if (state == Z_STREAM_END && unpacked == header.unpackedBytes)
        return {};
    if (state == Z_OK && unpacked < header.unpackedBytes)
        return file.truncated("its compressed pixels unpack to " + std::to_string(unpacked) + " of " +
                              std::to_string(header.unpackedBytes) + " bytes");
    return file.corrupt("its compressed pixels do not unpack to " + std::to_string(header.unpackedBytes) +
                        " bytes");
}

// ITK's sentences name its own source files and repeat the path; the first line of the description is the
// message.
std::string shortMessage(const char* description) {
    std::string text = description != nullptr ? description : "";
    text = text.substr(0, text.find('\n'));
    const std::size_t address = text.find("): ");
    if (text.rfind("itk::ERROR: ", 0) == 0 && address != std::string::npos)
        text = text.substr(address + 3);
    return text.substr(0, 200);
}

Result<Samples> decode(const FileBytes& file, itk::ImageIOBase& io, const Header& header, int slices,
                       int slice, const std::string& decoder) {
    try {
        io.SetFileName(file.path());
        io.ReadImageInformation();
        const unsigned dimensions = io.GetNumberOfDimensions();
        itk::ImageIORegion region(dimensions);
        std::uint64_t pixels = 1;
        for (unsigned axis = 0; axis < dimensions; ++axis) {
            const std::uint64_t length = io.GetDimensions(axis);
            region.SetIndex(axis, 0);
            region.SetSize(axis, length);
            const std::optional<std::uint64_t> product = multiplied(pixels, length);
            if (!product)
                return file.corrupt("its size is impossible");
            pixels = *product;
        }
        const int channels = static_cast<int>(io.GetNumberOfComponents());
        // A volume whose first axis holds the channels has the same order of samples in memory.
        const std::uint64_t claimed = header.size.pixels() * static_cast<std::uint64_t>(slices);
        const bool channelsAreAxis = channels == 1 && pixels == claimed * header.channels;
        if (pixels != claimed && !channelsAreAxis)
            return file.corrupt(decoder + " finds another size in it than its header says");
        Samples samples;
        samples.size = header.size;
        samples.channels = channelsAreAxis ? header.channels : channels;
        if (samples.channels < 1 || samples.channels > 4)
            return file.notHandled(std::to_string(channels) + " channels");
        samples.hasAlpha = samples.channels == 2 || samples.channels == 4;
        samples.model = samples.channels <= 2 ? ColourModel::Grey : ColourModel::Rgb;
        io.SetIORegion(region);
        const std::size_t bytes = static_cast<std::size_t>(io.GetImageSizeInBytes());
        const std::size_t count = header.size.pixels() * samples.channels;
        const std::size_t sampleBytes = io.GetComponentSize();
        if (bytes != count * static_cast<std::size_t>(slices) * sampleBytes)
            return file.corrupt(decoder + " finds another size in it than its header says");
        const bool isDirect = slices == 1 && io.GetComponentType() == itk::IOComponentEnum::UCHAR;
        if (isDirect) {
            samples.u8.resize(bytes);
            io.Read(samples.u8.data());
            return samples;
        }
        std::vector<unsigned char> buffer(bytes);
        io.Read(buffer.data());
        const unsigned char* first = buffer.data() + count * sampleBytes * static_cast<std::size_t>(slice);
        if (Result<void> taken = takeSamples(file, io.GetComponentType(), first, count, samples); !taken)
            return taken.error();
        return samples;
    } catch (const itk::ExceptionObject& problem) {
        return file.corrupt(decoder + " says: " + shortMessage(problem.GetDescription()));
    }
}

} // namespace

Result<Samples> decodeWithItk(const FileBytes& file, const ItkHeader& header, int slice) {
    if (!header.packedPath.empty()) {
        if (Result<void> packed = checkPacked(file, header); !packed)
            return packed.error();
    }
    itk::ImageIOBase::Pointer io;
    if (header.format == "NRRD")
        io = itk::NrrdImageIO::New();
    else
        io = itk::MetaImageIO::New();
    return decode(file, *io, header, header.slices, slice, "ITK's " + header.format + " reader");
}

} // namespace limn::images
