// SPDX-License-Identifier: GPL-3.0-or-later
// The one function that turns a file into an Image: viewer, model, measurements and exporters all call it,
// and nothing else opens image files. Knows no annotations. Any thread; calls may run at the same time.
#pragma once

#include "io/core/image.h"
#include "io/core/image_preview.h"
#include "io/core/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace limn {

// More pixels than this (16384 x 16384) are refused before anything is allocated.
inline constexpr std::size_t kMaxImagePixels = std::size_t{1} << 28;

struct ReadOptions {
    int frame = 0; // page of a TIFF, frame of a DICOM object, slice of a volume; from 0
};

// Reads PNG, JPEG, TIFF, BMP, NRRD, MetaImage or DICOM, told apart by content, not by name. `path` is UTF-8
// and may be a symbolic link. The file is opened for reading alone and never written to.
//
// What comes back (see Image): origin top left with the EXIF or TIFF orientation applied; an embedded
// ICC profile other than sRGB converted to sRGB (relative colorimetric, black point compensation); alpha laid
// over white; files deeper than 8 bits shown through a window, said in `notes`, with their own samples in
// `deep`.
//
// Window of deep files: the file's own where it gives one (DICOM Window Center and Width, PS3.3 C.11.2.1.2);
// otherwise unsigned samples are shown from 0 to 2^n - 1, with n from the file (DICOM Bits Stored, PNG sBIT)
// or else the smallest of 10, 12, 14, 16 that holds the largest sample; signed and floating point samples are
// shown from the smallest to the largest. Signed 16-bit samples stand in `deep` with 32768 added (a note says
// so); 32-bit and floating point samples have no `deep`.
//
// `spacing` is set only where a file really gives the size of a pixel on the subject: DICOM Pixel Spacing,
// NRRD or MetaImage spacing other than the writers' default of 1, and a TIFF resolution that is no common
// print or screen resolution. The densities of JPEG, PNG and BMP are print sizes and are ignored.
//
// Errors, each naming the file: FileNotFound, NotAFile, FileNotReadable, FileEmpty, FileTruncated,
// FormatUnknown, FormatMismatch (the name says one format, the content is none), FileCorrupt, FileTooLarge
// (more than kMaxImagePixels), FeatureNotHandled, InvalidArgument (no such frame), OutOfMemory.
Result<Image> readImage(const std::string& path, const ReadOptions& options = {});

// The same picture small and soon: at least `longestSide` pixels along its longer side where it is halved
// more than once. For a JPEG of 12 megapixels it takes about half as long as readImage. Nothing where it
// would not be sooner (other formats than JPEG, pictures under half a megapixel or less than twice
// `longestSide`, unless they are large) and where anything is wrong with the file: readImage says what.
std::optional<ImagePreview> readImagePreview(const std::string& path, int longestSide);

// For uses that take a picture's rows one after the other. Called in the reading thread, in this order.
struct RowSink {
    std::function<void(Size size)> begin; // before the first row
    // The next `count` rows, size.width * 3 bytes each, as Image::rgb would hold them.
    std::function<void(const std::uint8_t* rgb, int count)> rows;
};

// The same picture row by row; Image::rgb comes back empty. JPEG pictures that need no turning are never in
// memory as a whole, others are read first and then handed on. Errors as above; what the sink got before one
// is worth nothing.
Result<Image> readImageRows(const std::string& path, const RowSink& sink, const ReadOptions& options = {});

struct ImageProbe {
    Size size;          // as a person sees it: after the orientation is applied
    std::string format; // as in Image::format
    std::optional<Spacing> spacing;
    int orientation = 1;   // EXIF 1..8; readImage applies it
    int bitsPerSample = 8; // as stored in the file
    int channels =
        3; // as stored in the file: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha or CMYK
    int frameCount = 1;
};

// What the header says, without decoding a pixel or reading what lies behind the headers. The same errors as
// readImage, as far as a header shows them.
Result<ImageProbe> probeImage(const std::string& path);

} // namespace limn
