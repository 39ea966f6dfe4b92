// SPDX-License-Identifier: GPL-3.0-or-later
// Lossless compression of what the store keeps as blobs: tiles, probability maps, float maps. Zstandard
// frames with check sum and content size; a blob of the wrong length or with a flipped bit is found when it
// is read. Any thread.
#pragma once

#include "io/core/image.h"

#include <QByteArray>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace limn {

QByteArray packBytes(std::span<const std::uint8_t> bytes);
// Empty when the blob is damaged or does not hold exactly `size` bytes; nothing is allocated before that is
// known.
std::optional<std::vector<std::uint8_t>> unpackBytes(const QByteArray& blob, std::size_t size);

// The bytes of a blob whose size is not known; empty when it is damaged or claims more than `most`.
std::optional<std::vector<std::uint8_t>> unpackAll(const QByteArray& blob, std::size_t most);

// True when the blob unpacks to at most `most` bytes and its check sum is right.
bool isSoundBlob(const QByteArray& blob, std::size_t most);

// 16-bit values are predicted from their left, upper and upper-left neighbours (left + upper - upper left,
// modulo 2^16), and the differences are stored as a plane of low and a plane of high bytes: smooth maps
// shrink to a few per cent.
QByteArray packProbability(const ProbabilityMap& map);
std::optional<ProbabilityMap> unpackProbability(const QByteArray& blob, Size size);

// Four planes of bytes, lowest first.
QByteArray packFloats(const FloatMap& map);
std::optional<FloatMap> unpackFloats(const QByteArray& blob, Size size);

} // namespace limn
