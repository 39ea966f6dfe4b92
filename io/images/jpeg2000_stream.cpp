// SPDX-License-Identifier: GPL-3.0-or-later
// JPEG 2000 codestreams inside DICOM objects by OpenJPEG, the library that GDCM and ITK wrap. Called
// directly, because through them every frame is unpacked for one, and what OpenJPEG says about a damaged
// stream goes to the terminal.
#include "io/images/decoding.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>

#include <openjpeg.h>

namespace limn::images {

namespace {

// One frame's fragments as one stream.
struct Stream {
    const FileBytes* file;
    std::vector<DicomFragment> fragments;
    std::uint64_t length = 0;
    std::uint64_t position = 0;

    std::size_t read(void* out, std::size_t count) {
        std::uint64_t start = 0; // of the fragment, in the stream
        for (const DicomFragment& fragment : fragments) {
            if (position < start + fragment.length) {
                const std::uint64_t inside = position - start;
                const auto some =
                    static_cast<std::size_t>(std::min<std::uint64_t>(count, fragment.length - inside));
                const std::size_t got = file->readSome(fragment.offset + inside, out, some);
                position += got;
                return got;
            }
            start += fragment.length;
        }
        return 0;
    }
};

OPJ_SIZE_T readStream(void* out, OPJ_SIZE_T count, void* user) {
    const std::size_t got = static_cast<Stream*>(user)->read(out, count);
    return got > 0 ? got : static_cast<OPJ_SIZE_T>(-1);
}

OPJ_OFF_T skipStream(OPJ_OFF_T count, void* user) {
    auto* stream = static_cast<Stream*>(user);
    if (count < 0 || static_cast<std::uint64_t>(count) > stream->length - stream->position)
        return -1;
    stream->position += static_cast<std::uint64_t>(count);
    return count;
}

OPJ_BOOL seekStream(OPJ_OFF_T position, void* user) {
    auto* stream = static_cast<Stream*>(user);
    if (position < 0 || static_cast<std::uint64_t>(position) > stream->length)
        return OPJ_FALSE;
    stream->position = static_cast<std::uint64_t>(position);
    return OPJ_TRUE;
}

void keepMessage(const char* message, void* user) {
    auto* kept = static_cast<std::string*>(user);
    if (!kept->empty())
        return;
    *kept = message;
    while (!kept->empty() && (kept->back() == '\n' || kept->back() == '.'))
        kept->pop_back();
}

struct CodecDeleter {
    void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
};
struct StreamDeleter {
    void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
};
struct ImageDeleter {
    void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};

bool startsCodestream(const FileBytes& file, const DicomFragment& fragment) {
    ByteCursor cursor(file, fragment.offset, std::endian::big, fragment.offset + fragment.length);
    return cursor.u32() == 0xFF4FFF51 && !cursor.failed(); // SOC and SIZ
}

// The fragments of one frame: from the one that begins its codestream to the next that begins one.
std::vector<DicomFragment> fragmentsOf(const FileBytes& file, const DicomHeader& header, int frame) {
    std::vector<DicomFragment> found;
    int begun = 0;
    for (const DicomFragment& fragment : header.fragments) {
        begun += startsCodestream(file, fragment) ? 1 : 0;
        if (begun == frame + 1)
            found.push_back(fragment);
    }
    return found;
}

// The SIZ segment of ISO 15444-1, A.5.1, must say the data set's size, before OpenJPEG makes room for what it
// says.
Result<void> checkSizes(const FileBytes& file, const DicomHeader& header, const DicomFragment& fragment) {
    ByteCursor cursor(file, fragment.offset, std::endian::big, fragment.offset + fragment.length);
    cursor.skip(8);
    const std::uint64_t right = cursor.u32();
    const std::uint64_t bottom = cursor.u32();
    const std::uint64_t left = cursor.u32();
    const std::uint64_t top = cursor.u32();
    cursor.skip(16);
    const int components = cursor.u16();
    if (cursor.failed())
        return file.truncated("the header of its JPEG 2000 pixel data is cut off");
    if (right < left || bottom < top || right - left != static_cast<std::uint64_t>(header.size.width) ||
        bottom - top != static_cast<std::uint64_t>(header.size.height) ||
        components != header.samplesPerPixel)
        return file.corrupt("its JPEG 2000 pixel data are of another size than its header says");
    return {};
}

} // namespace

Result<std::vector<std::uint8_t>> decodeJpeg2000(const FileBytes& file, const DicomHeader& header,
                                                 int frame) {
    Stream source{&file, fragmentsOf(file, header, frame)};
    if (source.fragments.empty())
        return file.corrupt("its pixel data hold no JPEG 2000 stream for frame " + std::to_string(frame + 1));
    if (Result<void> sizes = checkSizes(file, header, source.fragments.front()); !sizes)
        return sizes.error();
    for (const DicomFragment& fragment : source.fragments)
        source.length += fragment.length;

    std::string message;
    const auto failed = [&] {
        return file.corrupt("its JPEG 2000 pixel data cannot be unpacked (OpenJPEG says: " +
                            (message.empty() ? "they are damaged" : message) + ")");
    };
    const std::unique_ptr<opj_codec_t, CodecDeleter> codec(opj_create_decompress(OPJ_CODEC_J2K));
    const std::unique_ptr<opj_stream_t, StreamDeleter> stream(opj_stream_create(256 * 1024, OPJ_TRUE));
    if (!codec || !stream)
        return Error{ErrorCode::OutOfMemory, {"reading " + file.path(), "the JPEG 2000 decoder"}};
    opj_set_error_handler(codec.get(), keepMessage, &message);
    opj_stream_set_read_function(stream.get(), readStream);
    opj_stream_set_skip_function(stream.get(), skipStream);
    opj_stream_set_seek_function(stream.get(), seekStream);
    opj_stream_set_user_data(stream.get(), &source, nullptr);
    opj_stream_set_user_data_length(stream.get(), source.length);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (opj_setup_decoder(codec.get(), &parameters) == OPJ_FALSE)
        return failed();
    // Threads pay from about a megapixel on; without them decoding is as good, so a refusal changes nothing.
    const unsigned cores = std::min(4u, std::thread::hardware_concurrency());
    if (cores > 1 && header.size.pixels() > (std::size_t{1} << 20))
        opj_codec_set_threads(codec.get(), static_cast<int>(cores));

    opj_image_t* raw = nullptr;
    const bool hasHeader = opj_read_header(stream.get(), codec.get(), &raw) != OPJ_FALSE;
    const std::unique_ptr<opj_image_t, ImageDeleter> image(raw);
    if (!hasHeader || !image || image->numcomps != static_cast<OPJ_UINT32>(header.samplesPerPixel))
        return failed();
    for (OPJ_UINT32 i = 0; i < image->numcomps; ++i) {
        const opj_image_comp_t& component = image->comps[i];
        if (component.dx != 1 || component.dy != 1)
            return file.notHandled("JPEG 2000 with components of different sizes");
        if (component.prec > static_cast<OPJ_UINT32>(header.bitsAllocated))
            return file.corrupt("its JPEG 2000 pixel data have " + std::to_string(component.prec) +
                                " bits a sample");
    }
    if (opj_decode(codec.get(), stream.get(), image.get()) == OPJ_FALSE ||
        opj_end_decompress(codec.get(), stream.get()) == OPJ_FALSE)
        return failed();

    const std::size_t pixels = header.size.pixels();
    const std::size_t channels = image->numcomps;
    const std::size_t sampleBytes = static_cast<std::size_t>(header.bitsAllocated / 8);
    std::vector<std::uint8_t> samples(pixels * channels * sampleBytes);
    for (std::size_t channel = 0; channel < channels; ++channel) {
        const opj_image_comp_t& component = image->comps[channel];
        if (component.data == nullptr || component.w != static_cast<OPJ_UINT32>(header.size.width) ||
            component.h != static_cast<OPJ_UINT32>(header.size.height))
            return failed();
        for (std::size_t i = 0; i < pixels; ++i) {
            const auto value = static_cast<std::uint16_t>(component.data[i]);
            std::uint8_t* to = samples.data() + (i * channels + channel) * sampleBytes;
            if (sampleBytes == 1)
                *to = static_cast<std::uint8_t>(value);
            else
                std::memcpy(to, &value, 2);
        }
    }
    return samples;
}

} // namespace limn::images
