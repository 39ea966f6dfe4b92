// SPDX-License-Identifier: GPL-3.0-or-later
// Masks, label maps, probabilities and pictures as files. Every writer replaces its file in one step (see
// atomic_file.h); readers check sizes before they allocate. Keeps the pixel convention of io/core/image.h:
// sample (x, y) of the file is pixel (x, y). Any thread. Paths are UTF-8.
#pragma once

#include "io/core/image.h"
#include "io/core/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace limn {

// 8-bit grey PNG whose samples are the label values. Errors: InvalidArgument (empty map), FileNotWritable,
// DiskFull.
Result<void> writeLabelMap(const std::string& path, const LabelMap& labels);

// The bytes of such a file, for formats that hold pictures within. Errors: InvalidArgument (empty map),
// OutOfMemory.
Result<std::vector<unsigned char>> encodedLabelMap(const LabelMap& labels);

// 8-bit grey PNG, 0 for background and 255 for every other label, as the ISIC archive stores masks. Errors as
// above.
Result<void> writeMask(const std::string& path, const LabelMap& labels);

// The same of a mask that is made while it is written: makeRow(y, row) is called once for each y from 0 on,
// in the calling thread, and fills row[0 .. size.width) with labels. It must not throw. Errors as above.
Result<void> writeMask(const std::string& path, Size size,
                       const std::function<void(int y, std::uint8_t* row)>& makeRow);

// 16-bit grey PNG of the stored values (value / 65535 is the probability). Errors as above.
Result<void> writeProbability(const std::string& path, const ProbabilityMap& probability);

// 8-bit RGB JPEG (4:4:4, sRGB), quality 1..100. Errors as above; InvalidArgument past 65500 pixels a side.
Result<void> writeJpeg(const std::string& path, const Image& image, int quality = 92);

// The bytes of these files, for who writes them in a way of his own. `path` is what sentences name. Errors:
// InvalidArgument, OutOfMemory, FileNotWritable (from the codec).
Result<std::vector<unsigned char>> encodedMask(const std::string& path, Size size,
                                               const std::function<void(int y, std::uint8_t* row)>& makeRow);
Result<std::vector<unsigned char>> encodedProbability(const std::string& path,
                                                      const ProbabilityMap& probability);
Result<std::vector<unsigned char>> encodedJpeg(const std::string& path, const Image& image, int quality = 92);

// 8-bit RGB PNG, lossless. Errors as above.
Result<void> writePng(const std::string& path, const Image& image);

// Reads a label map: a grey PNG of at most 8 bits (samples are the label values, never scaled), or a palette
// PNG (the palette's indices). Errors as readImage; FeatureNotHandled for colour, alpha and 16-bit files.
Result<LabelMap> readLabelMap(const std::string& path);

// Reads a mask of any format and depth that readImage knows: 1 where the image is at least mid-grey, 0
// elsewhere; in files whose largest sample is 1 (masks written as 0 and 1), 1 where the sample is 1. Errors
// as readImage.
Result<LabelMap> readMask(const std::string& path);

} // namespace limn
