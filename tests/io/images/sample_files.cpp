// SPDX-License-Identifier: GPL-3.0-or-later
#include "sample_files.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <jpeglib.h>
#include <lcms2.h>
#include <png.h>
#include <tiffio.h>

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcrleerg.h>
#include <dcmtk/dcmdata/dcrlerp.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmimage/diregist.h> // the JPEG encoder renders colour through dcmimage
#include <dcmtk/dcmjpeg/djencode.h>
#include <dcmtk/dcmjpeg/djrplol.h>
#include <dcmtk/dcmjpeg/djrploss.h>
#include <dcmtk/dcmjpls/djencode.h>
#include <dcmtk/dcmjpls/djrparam.h>

#include <gdcmTrace.h>
#include <itkGDCMImageIO.h>

namespace limn::testing {

namespace {

void require(bool condition, const char* what) {
    if (condition)
        return;
    std::fprintf(stderr, "test file could not be made: %s\n", what);
    std::abort();
}

Bytes profileBytes(cmsHPROFILE profile) {
    cmsUInt32Number size = 0;
    require(cmsSaveProfileToMem(profile, nullptr, &size), "profile size");
    Bytes bytes(size);
    require(cmsSaveProfileToMem(profile, bytes.data(), &size), "profile");
    cmsCloseProfile(profile);
    return bytes;
}

} // namespace

std::vector<std::uint8_t> patternRgb(Size size) {
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
            for (int value : {x * 255 / std::max(1, size.width - 1), y * 255 / std::max(1, size.height - 1),
                              (x * 37 + y * 91) % 256})
                rgb.push_back(static_cast<std::uint8_t>(value));
    return rgb;
}

std::vector<std::uint8_t> patternGrey(Size size) {
    std::vector<std::uint8_t> grey;
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
            grey.push_back(static_cast<std::uint8_t>((x * 7 + y * 29) % 256));
    grey.front() = 0;
    grey.back() = 255;
    return grey;
}

std::vector<std::uint8_t> smoothRgb(Size size) {
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
            for (int value : {40 + x * 170 / size.width, 50 + y * 150 / size.height,
                              200 - (x + y) * 120 / (size.width + size.height)})
                rgb.push_back(static_cast<std::uint8_t>(value));
    return rgb;
}

std::vector<std::uint16_t> pattern16(Size size, int channels, int top) {
    std::vector<std::uint16_t> values;
    const std::size_t count = size.pixels() * channels;
    for (std::size_t i = 0; i < count; ++i)
        values.push_back(static_cast<std::uint16_t>(i * 7919 % (static_cast<std::size_t>(top) + 1)));
    values.front() = 0;
    values.back() = static_cast<std::uint16_t>(top);
    return values;
}

std::vector<std::uint8_t> greyToRgb(const std::vector<std::uint8_t>& grey) {
    std::vector<std::uint8_t> rgb;
    for (std::uint8_t value : grey)
        rgb.insert(rgb.end(), 3, value);
    return rgb;
}

void writeBytes(const std::string& path, const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    require(file.good(), path.c_str());
}

Bytes readBytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    require(file.good(), path.c_str());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Bytes exifBlock(int orientation) {
    // TIFF header, one directory with one entry: tag 0x0112, type SHORT, count 1
    return {'I',
            'I',
            42,
            0,
            8,
            0,
            0,
            0,
            1,
            0,
            0x12,
            0x01,
            3,
            0,
            1,
            0,
            0,
            0,
            static_cast<unsigned char>(orientation),
            0,
            0,
            0,
            0,
            0,
            0,
            0};
}

Bytes linearRgbProfile() {
    const cmsCIExyY white{0.3127, 0.3290, 1.0};
    const cmsCIExyYTRIPLE primaries{{0.64, 0.33, 1.0}, {0.30, 0.60, 1.0}, {0.15, 0.06, 1.0}};
    cmsToneCurve* line = cmsBuildGamma(nullptr, 1.0);
    cmsToneCurve* curves[3] = {line, line, line};
    const Bytes bytes = profileBytes(cmsCreateRGBProfile(&white, &primaries, curves));
    cmsFreeToneCurve(line);
    return bytes;
}

Bytes srgbProfile() {
    return profileBytes(cmsCreate_sRGBProfile());
}

Bytes linearGreyProfile() {
    cmsToneCurve* line = cmsBuildGamma(nullptr, 1.0);
    const Bytes bytes = profileBytes(cmsCreateGrayProfile(cmsD50_xyY(), line));
    cmsFreeToneCurve(line);
    return bytes;
}

int srgbOfLinear(int value) {
    const double linear = value / 255.0;
    const double encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
    return static_cast<int>(std::lround(encoded * 255.0));
}

void writePngFile(const std::string& path, const PngSpec& spec) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    require(file != nullptr, path.c_str());
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, spec.size.width, spec.size.height, spec.bits, spec.colourType,
                 spec.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (!spec.palette.empty())
        png_set_PLTE(png, info, reinterpret_cast<png_const_colorp>(spec.palette.data()),
                     static_cast<int>(spec.palette.size() / 3));
    if (!spec.paletteAlpha.empty())
        png_set_tRNS(png, info, const_cast<png_bytep>(spec.paletteAlpha.data()),
                     static_cast<int>(spec.paletteAlpha.size()), nullptr);
    if (!spec.icc.empty())
        png_set_iCCP(png, info, "profile", 0, spec.icc.data(), static_cast<png_uint_32>(spec.icc.size()));
    if (!spec.exif.empty())
        png_set_eXIf_1(png, info, static_cast<png_uint_32>(spec.exif.size()),
                       const_cast<png_bytep>(spec.exif.data()));
    if (spec.significantBits != 0) {
        const auto bits = static_cast<png_byte>(spec.significantBits);
        const png_color_8 significant{bits, bits, bits, bits, bits};
        png_set_sBIT(png, info, &significant);
    }
    png_write_info(png, info);
    if (spec.bits == 16)
        png_set_swap(png);
    if (spec.bits < 8)
        png_set_packing(png);
    const std::size_t channels = spec.colourType == 2   ? 3
                                 : spec.colourType == 6 ? 4
                                 : spec.colourType == 4 ? 2
                                                        : 1;
    const std::size_t rowBytes =
        static_cast<std::size_t>(spec.size.width) * channels * (spec.bits == 16 ? 2 : 1);
    std::vector<png_bytep> rows;
    for (int y = 0; y < spec.size.height; ++y)
        rows.push_back(const_cast<png_bytep>(static_cast<const png_byte*>(spec.data)) + rowBytes * y);
    png_write_image(png, rows.data());
    png_write_end(png, nullptr);
    png_destroy_write_struct(&png, &info);
    std::fclose(file);
}

void writeJpegFile(const std::string& path, const JpegSpec& spec) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    require(file != nullptr, path.c_str());
    jpeg_error_mgr errors;
    jpeg_compress_struct info;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_stdio_dest(&info, file);
    info.image_width = static_cast<JDIMENSION>(spec.size.width);
    info.image_height = static_cast<JDIMENSION>(spec.size.height);
    info.input_components = spec.channels;
    info.in_color_space = spec.channels == 1 ? JCS_GRAYSCALE : spec.channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, spec.quality, TRUE);
    if (!spec.subsampled)
        for (int i = 0; i < info.num_components; ++i)
            info.comp_info[i].h_samp_factor = info.comp_info[i].v_samp_factor = 1;
    if (spec.progressive)
        jpeg_simple_progression(&info);
    if (spec.channels == 4)
        info.write_Adobe_marker = spec.adobe ? TRUE : FALSE;
    jpeg_start_compress(&info, TRUE);
    if (!spec.exif.empty()) {
        Bytes segment{'E', 'x', 'i', 'f', 0, 0};
        segment.insert(segment.end(), spec.exif.begin(), spec.exif.end());
        jpeg_write_marker(&info, JPEG_APP0 + 1, segment.data(), static_cast<unsigned>(segment.size()));
    }
    if (!spec.icc.empty())
        jpeg_write_icc_profile(&info, spec.icc.data(), static_cast<unsigned>(spec.icc.size()));
    while (info.next_scanline < info.image_height) {
        auto* row = const_cast<JSAMPROW>(spec.data +
                                         std::size_t{info.next_scanline} * spec.size.width * spec.channels);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    std::fclose(file);
}

void writeTiffFile(const std::string& path, const std::vector<TiffSpec>& pages) {
    std::string mode = pages.front().bigEndian ? "wb" : "wl";
    if (pages.front().bigTiff)
        mode += "8";
    TIFF* tiff = TIFFOpen(path.c_str(), mode.c_str());
    require(tiff != nullptr, path.c_str());
    for (const TiffSpec& spec : pages) {
        TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, spec.size.width);
        TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, spec.size.height);
        TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, spec.bits);
        TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, spec.channels);
        TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, spec.sampleFormat);
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, spec.compression);
        TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, spec.photometric);
        TIFFSetField(tiff, TIFFTAG_ORIENTATION, spec.orientation);
        TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, spec.planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
        if (spec.horizontalPrediction)
            TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
        if (spec.compression == COMPRESSION_JPEG) {
            TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, 100);
            TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        }
        if (spec.extraSample >= 0) {
            const auto kind = static_cast<std::uint16_t>(spec.extraSample);
            TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind);
        }
        if (!spec.palette.empty()) {
            const std::size_t third = spec.palette.size() / 3;
            TIFFSetField(tiff, TIFFTAG_COLORMAP, spec.palette.data(), spec.palette.data() + third,
                         spec.palette.data() + 2 * third);
        }
        if (!spec.icc.empty())
            TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(spec.icc.size()),
                         spec.icc.data());
        if (spec.xResolution > 0.0) {
            TIFFSetField(tiff, TIFFTAG_XRESOLUTION, spec.xResolution);
            TIFFSetField(tiff, TIFFTAG_YRESOLUTION, spec.yResolution);
            TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, spec.resolutionUnit);
        }
        if (!spec.description.empty())
            TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, spec.description.c_str());
        const int inRow = spec.planar ? 1 : spec.channels;
        const std::size_t rowBytes = (static_cast<std::size_t>(spec.size.width) * inRow * spec.bits + 7) / 8;
        const auto* data = static_cast<const std::uint8_t*>(spec.data);
        const int planes = spec.planar ? spec.channels : 1;
        if (spec.tile != 0) {
            TIFFSetField(tiff, TIFFTAG_TILEWIDTH, spec.tile);
            TIFFSetField(tiff, TIFFTAG_TILELENGTH, spec.tile);
            const std::size_t pixelBytes = static_cast<std::size_t>(inRow) * spec.bits / 8;
            std::vector<std::uint8_t> tile(static_cast<std::size_t>(TIFFTileSize(tiff)));
            for (int plane = 0; plane < planes; ++plane)
                for (int top = 0; top < spec.size.height; top += spec.tile)
                    for (int left = 0; left < spec.size.width; left += spec.tile) {
                        std::fill(tile.begin(), tile.end(), std::uint8_t{0});
                        for (int y = top; y < std::min(top + spec.tile, spec.size.height); ++y)
                            std::memcpy(
                                tile.data() + static_cast<std::size_t>(y - top) * spec.tile * pixelBytes,
                                data + (static_cast<std::size_t>(plane) * spec.size.height + y) * rowBytes +
                                    left * pixelBytes,
                                std::min(spec.tile, spec.size.width - left) * pixelBytes);
                        require(TIFFWriteTile(tiff, tile.data(), left, top, 0,
                                              static_cast<std::uint16_t>(plane)) > 0,
                                "tile");
                    }
        } else {
            TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, spec.rowsPerStrip);
            std::vector<std::uint8_t> row(rowBytes);
            for (int plane = 0; plane < planes; ++plane)
                for (int y = 0; y < spec.size.height; ++y) {
                    std::memcpy(row.data(),
                                data + (static_cast<std::size_t>(plane) * spec.size.height + y) * rowBytes,
                                rowBytes);
                    require(TIFFWriteScanline(tiff, row.data(), static_cast<std::uint32_t>(y),
                                              static_cast<std::uint16_t>(plane)) == 1,
                            "row");
                }
        }
        require(TIFFWriteDirectory(tiff) == 1, "directory");
    }
    TIFFClose(tiff);
}

Bytes bmpBytes(Size size, int bits, const std::vector<std::uint8_t>& samples, bool topDown) {
    Bytes bytes;
    const auto put = [&](std::uint32_t value, int count) {
        for (int i = 0; i < count; ++i)
            bytes.push_back(static_cast<unsigned char>(value >> (8 * i)));
    };
    const std::uint32_t rowBytes = (static_cast<std::uint32_t>(size.width) * bits + 31) / 32 * 4;
    const std::uint32_t paletteBytes = bits == 8 ? 1024 : 0;
    const std::uint32_t start = 54 + paletteBytes;
    bytes.push_back('B');
    bytes.push_back('M');
    put(start + rowBytes * size.height, 4);
    put(0, 4);
    put(start, 4);
    put(40, 4);
    put(static_cast<std::uint32_t>(size.width), 4);
    put(static_cast<std::uint32_t>(topDown ? -size.height : size.height), 4);
    put(1, 2);
    put(static_cast<std::uint32_t>(bits), 2);
    put(0, 4);
    put(rowBytes * size.height, 4);
    put(2835, 4);
    put(2835, 4);
    put(bits == 8 ? 256 : 0, 4);
    put(0, 4);
    for (std::uint32_t i = 0; i < paletteBytes / 4; ++i)
        put(i * 0x010101, 4);
    const int channels = bits / 8;
    for (int row = 0; row < size.height; ++row) {
        const int y = topDown ? row : size.height - 1 - row;
        const std::size_t rowStart = bytes.size();
        for (int x = 0; x < size.width; ++x) {
            const std::uint8_t* pixel =
                samples.data() + (static_cast<std::size_t>(y) * size.width + x) * channels;
            if (channels == 1) {
                bytes.push_back(pixel[0]);
                continue;
            }
            bytes.insert(bytes.end(), {pixel[2], pixel[1], pixel[0]});
            if (channels == 4)
                bytes.push_back(pixel[3]);
        }
        bytes.resize(rowStart + rowBytes);
    }
    return bytes;
}

void writeDicomFile(const std::string& path, const DicomSpec& spec, DicomSyntax syntax) {
    DcmFileFormat file;
    DcmDataset& data = *file.getDataset();
    const auto text = [&](const DcmTagKey& tag, const std::string& value) {
        if (!value.empty())
            require(data.putAndInsertString(tag, value.c_str()).good(), "string");
    };
    const auto number = [&](const DcmTagKey& tag, int value) {
        require(data.putAndInsertUint16(tag, static_cast<Uint16>(value)).good(), "number");
    };
    text(DCM_SOPClassUID, spec.sopClass);
    text(DCM_SOPInstanceUID, "1.2.826.0.1.3680043.2.1125.1.77");
    text(DCM_PatientName, "Drawn^Pattern");
    if (!spec.pixels.empty()) {
        number(DCM_SamplesPerPixel, spec.samplesPerPixel);
        text(DCM_PhotometricInterpretation, spec.photometric);
        number(DCM_Rows, spec.size.height);
        number(DCM_Columns, spec.size.width);
        number(DCM_BitsAllocated, spec.bitsAllocated);
        number(DCM_BitsStored, spec.bitsStored);
        number(DCM_HighBit, spec.bitsStored - 1);
        number(DCM_PixelRepresentation, spec.isSigned ? 1 : 0);
        if (spec.samplesPerPixel > 1)
            number(DCM_PlanarConfiguration, spec.planar ? 1 : 0);
        if (spec.frames > 1)
            text(DCM_NumberOfFrames, std::to_string(spec.frames));
    }
    text(DCM_PixelSpacing, spec.pixelSpacing);
    text(DCM_WindowCenter, spec.windowCenter);
    text(DCM_WindowWidth, spec.windowWidth);
    text(DCM_RescaleSlope, spec.rescaleSlope);
    text(DCM_RescaleIntercept, spec.rescaleIntercept);
    if (!spec.palette.empty()) {
        const Uint16 descriptor[3] = {256, 0, 16};
        const DcmTagKey descriptors[3] = {DCM_RedPaletteColorLookupTableDescriptor,
                                          DCM_GreenPaletteColorLookupTableDescriptor,
                                          DCM_BluePaletteColorLookupTableDescriptor};
        const DcmTagKey tables[3] = {DCM_RedPaletteColorLookupTableData, DCM_GreenPaletteColorLookupTableData,
                                     DCM_BluePaletteColorLookupTableData};
        for (int i = 0; i < 3; ++i) {
            require(data.putAndInsertUint16Array(DcmTag(descriptors[i], EVR_US), descriptor, 3).good(),
                    "descriptor");
            require(
                data.putAndInsertUint16Array(DcmTag(tables[i], EVR_OW), spec.palette.data() + 256 * i, 256)
                    .good(),
                "palette");
        }
    }
    if (!spec.icc.empty())
        require(data.putAndInsertUint8Array(DCM_ICCProfile, spec.icc.data(), spec.icc.size()).good(),
                "profile");
    if (!spec.pixels.empty()) {
        Bytes even = spec.pixels;
        if (even.size() % 2 != 0)
            even.push_back(0);
        if (spec.bitsAllocated == 16)
            require(data.putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16*>(even.data()),
                                                 even.size() / 2)
                        .good(),
                    "pixels");
        else
            require(data.putAndInsertUint8Array(DCM_PixelData, even.data(), even.size()).good(), "pixels");
    }
    E_TransferSyntax to = EXS_LittleEndianExplicit;
    const DJ_RPLossy lossy(95);
    const DJ_RPLossless lossless;
    const DJLSRepresentationParameter jpegLs(0, OFTrue);
    const DcmRepresentationParameter* parameter = nullptr;
    switch (syntax) {
    case DicomSyntax::Implicit:
        to = EXS_LittleEndianImplicit;
        break;
    case DicomSyntax::Explicit:
        break;
    case DicomSyntax::BigEndian:
        to = EXS_BigEndianExplicit;
        break;
    case DicomSyntax::JpegBaseline:
        DJEncoderRegistration::registerCodecs();
        to = EXS_JPEGProcess1;
        parameter = &lossy;
        break;
    case DicomSyntax::JpegLossless:
        DJEncoderRegistration::registerCodecs();
        to = EXS_JPEGProcess14SV1;
        parameter = &lossless;
        break;
    case DicomSyntax::JpegLs:
        DJLSEncoderRegistration::registerCodecs();
        to = EXS_JPEGLSLossless;
        parameter = &jpegLs;
        break;
    case DicomSyntax::Rle:
        DcmRLEEncoderRegistration::registerCodecs();
        to = EXS_RLELossless;
        break;
    }
    require(data.chooseRepresentation(to, parameter).good() && data.canWriteXfer(to), "transfer syntax");
    require(file.saveFile(path.c_str(), to).good(), path.c_str());
}

void writeDicomJpeg2000(const std::string& path, Size size, int channels, int bits, const void* data,
                        int frames) {
    gdcm::Trace::WarningOff(); // of what a test file lacks
    const itk::GDCMImageIO::Pointer io = itk::GDCMImageIO::New();
    io->SetNumberOfDimensions(frames > 1 ? 3 : 2);
    io->SetDimensions(0, static_cast<unsigned>(size.width));
    io->SetDimensions(1, static_cast<unsigned>(size.height));
    io->SetNumberOfComponents(static_cast<unsigned>(channels));
    io->SetPixelType(channels == 3 ? itk::IOPixelEnum::RGB : itk::IOPixelEnum::SCALAR);
    io->SetComponentType(bits == 16 ? itk::IOComponentEnum::USHORT : itk::IOComponentEnum::UCHAR);
    io->SetUseCompression(true);
    io->SetCompressionType(itk::GDCMImageIO::CompressionEnum::JPEG2000);
    itk::ImageIORegion region(frames > 1 ? 3 : 2);
    if (frames > 1) {
        io->SetDimensions(2, static_cast<unsigned>(frames));
        region.SetSize(2, static_cast<unsigned>(frames));
    }
    region.SetSize(0, static_cast<unsigned>(size.width));
    region.SetSize(1, static_cast<unsigned>(size.height));
    io->SetIORegion(region);
    io->SetFileName(path);
    io->WriteImageInformation();
    io->Write(data);
}

QString difference(const std::vector<std::uint8_t>& found, const std::vector<std::uint8_t>& expected,
                   Size size, int tolerance) {
    if (found.size() != expected.size())
        return QStringLiteral("%1 samples, expected %2").arg(found.size()).arg(expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        if (std::abs(found[i] - expected[i]) > tolerance) {
            const std::size_t pixel = i / 3;
            return QStringLiteral("pixel (%1, %2) channel %3 is %4, expected %5")
                .arg(pixel % size.width)
                .arg(pixel / size.width)
                .arg(i % 3)
                .arg(found[i])
                .arg(expected[i]);
        }
    return {};
}

std::vector<std::uint8_t> orientedPicture(const std::vector<std::uint8_t>& rgb, Size size, int orientation) {
    // EXIF 2.32, 4.6.4: where the 0th row and the 0th column of the stored picture lie for a person.
    const bool turned = orientation >= 5;
    const Size target = turned ? Size{size.height, size.width} : size;
    std::vector<std::uint8_t> result(rgb.size());
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x) {
            int toX = x;
            int toY = y;
            const int right = size.width - 1 - x;
            const int bottom = size.height - 1 - y;
            switch (orientation) {
            case 2: // row 0 at the top, column 0 at the right
                toX = right;
                break;
            case 3: // bottom, right
                toX = right;
                toY = bottom;
                break;
            case 4: // bottom, left
                toY = bottom;
                break;
            case 5: // row 0 at the left, column 0 at the top
                toX = y;
                toY = x;
                break;
            case 6: // row 0 at the right, column 0 at the top
                toX = bottom;
                toY = x;
                break;
            case 7: // row 0 at the right, column 0 at the bottom
                toX = bottom;
                toY = right;
                break;
            case 8: // row 0 at the left, column 0 at the bottom
                toX = y;
                toY = right;
                break;
            default:
                break;
            }
            for (int channel = 0; channel < 3; ++channel)
                result[(static_cast<std::size_t>(toY) * target.width + toX) * 3 + channel] =
                    rgb[(static_cast<std::size_t>(y) * size.width + x) * 3 + channel];
        }
    return result;
}

} // namespace limn::testing
