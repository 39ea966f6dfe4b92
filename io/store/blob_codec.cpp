// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/blob_codec.h"

#include <zstd.h>

#include <bit>
#include <memory>

namespace limn {

namespace {

// Level 1 packs a tile of 256 x 256 labels in some 30 us and is within a few per cent of higher levels on
// label maps, which are runs.
constexpr int kLevel = 1;

struct FreeCompressor {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

} // namespace

QByteArray packBytes(std::span<const std::uint8_t> bytes) {
    const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    // The bound is generous for large maps: pack first, then keep only what was needed.
    QByteArray blob(static_cast<qsizetype>(ZSTD_compressBound(bytes.size())), Qt::Uninitialized);
    const std::size_t packed = ZSTD_compress2(
        context.get(), blob.data(), static_cast<std::size_t>(blob.size()), bytes.data(), bytes.size());
    if (ZSTD_isError(packed))
        return {};
    blob.resize(static_cast<qsizetype>(packed));
    blob.squeeze();
    return blob;
}

std::optional<std::vector<std::uint8_t>> unpackBytes(const QByteArray& blob, std::size_t size) {
    const std::size_t length = static_cast<std::size_t>(blob.size());
    if (length == 0 || ZSTD_getFrameContentSize(blob.constData(), length) != size)
        return std::nullopt;
    std::vector<std::uint8_t> bytes(size);
    const std::size_t unpacked = ZSTD_decompress(bytes.data(), size, blob.constData(), length);
    if (ZSTD_isError(unpacked) || unpacked != size)
        return std::nullopt;
    return bytes;
}

std::optional<std::vector<std::uint8_t>> unpackAll(const QByteArray& blob, std::size_t most) {
    // The two error values of this function are the largest numbers: they are above any limit.
    const unsigned long long claimed =
        ZSTD_getFrameContentSize(blob.constData(), static_cast<std::size_t>(blob.size()));
    if (claimed > most)
        return std::nullopt;
    return unpackBytes(blob, static_cast<std::size_t>(claimed));
}

bool isSoundBlob(const QByteArray& blob, std::size_t most) {
    return unpackAll(blob, most).has_value();
}

QByteArray packProbability(const ProbabilityMap& map) {
    const std::size_t count = map.size.pixels();
    const std::size_t width = static_cast<std::size_t>(map.size.width);
    std::vector<std::uint8_t> planes(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t left = i % width ? map.values[i - 1] : 0;
        const std::uint16_t up = i >= width ? map.values[i - width] : 0;
        const std::uint16_t upLeft = i % width && i >= width ? map.values[i - width - 1] : 0;
        const std::uint16_t rest = static_cast<std::uint16_t>(map.values[i] - (left + up - upLeft));
        planes[i] = static_cast<std::uint8_t>(rest & 0xff);
        planes[count + i] = static_cast<std::uint8_t>(rest >> 8);
    }
    return packBytes(planes);
}

std::optional<ProbabilityMap> unpackProbability(const QByteArray& blob, Size size) {
    const std::size_t count = size.pixels();
    const auto planes = unpackBytes(blob, count * 2);
    if (!planes)
        return std::nullopt;
    const std::size_t width = static_cast<std::size_t>(size.width);
    ProbabilityMap map;
    map.size = size;
    map.values.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t left = i % width ? map.values[i - 1] : 0;
        const std::uint16_t up = i >= width ? map.values[i - width] : 0;
        const std::uint16_t upLeft = i % width && i >= width ? map.values[i - width - 1] : 0;
        const std::uint16_t rest = static_cast<std::uint16_t>((*planes)[i] | ((*planes)[count + i] << 8));
        map.values[i] = static_cast<std::uint16_t>(rest + left + up - upLeft);
    }
    return map;
}

QByteArray packFloats(const FloatMap& map) {
    const std::size_t count = map.values.size();
    std::vector<std::uint8_t> planes(count * 4);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t bits = std::bit_cast<std::uint32_t>(map.values[i]);
        for (std::size_t plane = 0; plane < 4; ++plane)
            planes[plane * count + i] = static_cast<std::uint8_t>(bits >> (8 * plane));
    }
    return packBytes(planes);
}

std::optional<FloatMap> unpackFloats(const QByteArray& blob, Size size) {
    const std::size_t count = size.pixels();
    const auto planes = unpackBytes(blob, count * 4);
    if (!planes)
        return std::nullopt;
    FloatMap map;
    map.size = size;
    map.values.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t bits = 0;
        for (std::size_t plane = 0; plane < 4; ++plane)
            bits |= static_cast<std::uint32_t>((*planes)[plane * count + i]) << (8 * plane);
        map.values[i] = std::bit_cast<float>(bits);
    }
    return map;
}

} // namespace limn
