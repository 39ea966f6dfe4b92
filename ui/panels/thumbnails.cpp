// SPDX-License-Identifier: GPL-3.0-or-later
// Making and keeping small pictures.
#include "ui/panels/thumbnails.h"

#include "app/images/open_image.h"
#include "ui/canvas/image_pyramid.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QStandardPaths>
#include <QtConcurrent>

#include <algorithm>
#include <cstring>

namespace limn {
namespace {

constexpr int kKeptAtFirst = 80;
constexpr int kColors = 256;
constexpr std::size_t kMostWishes = 60; // older ones scrolled out of view long ago

QString cacheFile(const QString& path, qint64 modifiedMs) {
    const QString folder =
        QStandardPaths::writableLocation(QStandardPaths::CacheLocation) + QStringLiteral("/thumbnails");
    const QByteArray key =
        QCryptographicHash::hash((path + QLatin1Char('\n') + QString::number(modifiedMs)).toUtf8(),
                                 QCryptographicHash::Sha1)
            .toHex();
    return folder + QLatin1Char('/') + QString::fromLatin1(key) + QStringLiteral(".jpg");
}

QImage makeThumbnail(const QString& path, qint64 modifiedMs) {
    const QString file = modifiedMs > 0 ? cacheFile(path, modifiedMs) : QString();
    if (!file.isEmpty()) {
        QImage kept(file);
        if (!kept.isNull())
            return kept.convertToFormat(QImage::Format_RGB888);
    }
    ImagePyramidPtr pyramid;
    if (std::optional<ImagePreview> preview = openImagePreview(path.toStdString(), Thumbnails::kSide)) {
        pyramid = buildPreviewPyramid(std::move(*preview));
    } else {
        Result<Image> image = openImage(path.toStdString());
        if (!image)
            return {};
        pyramid = buildPyramid(std::make_shared<const Image>(std::move(*image)));
    }
    const ImagePyramid::Level& level = pyramid->levels.back();
    const QImage small =
        QImage(level.rgb, level.size.width, level.size.height, level.size.width * 3, QImage::Format_RGB888)
            .scaled(Thumbnails::kSide, Thumbnails::kSide, Qt::KeepAspectRatio, Qt::SmoothTransformation)
            .convertToFormat(QImage::Format_RGB888);
    if (!file.isEmpty()) {
        QDir().mkpath(QFileInfo(file).absolutePath());
        small.save(file, "JPEG", 88);
    }
    return small;
}

} // namespace

Thumbnails::Thumbnails(QObject* parent) : QObject(parent) {
    m_images.setMaxCost(kKeptAtFirst);
    m_pool.setMaxThreadCount(1);
    m_pool.setThreadPriority(QThread::LowestPriority);
}

Thumbnails::~Thumbnails() {
    m_pool.waitForDone();
}

QImage Thumbnails::find(ImageId id, const QString& path, qint64 modifiedMs) {
    if (const QImage* image = m_images.object(id))
        return *image;
    if (!m_asked.contains(id)) {
        m_asked.insert(id);
        m_wishes.push_back({id, path, modifiedMs});
        if (m_wishes.size() > kMostWishes) {
            m_asked.remove(m_wishes.front().id);
            m_wishes.erase(m_wishes.begin());
        }
        next();
    }
    return {};
}

void Thumbnails::next() {
    if (m_running > 0 || m_wishes.empty())
        return;
    const Wish wish = m_wishes.back();
    m_wishes.pop_back();
    ++m_running;
    const quint64 generation = m_generation;
    QtConcurrent::run(&m_pool, [wish] {
        return makeThumbnail(wish.path, wish.modifiedMs);
    }).then(this, [this, wish, generation](const QImage& image) {
        --m_running;
        if (generation == m_generation) {
            m_asked.remove(wish.id);
            m_images.insert(wish.id, new QImage(image.isNull() ? QImage(1, 1, QImage::Format_RGB32) : image));
            Q_EMIT changed(wish.id);
        }
        next();
    });
}

void Thumbnails::setKept(int count) {
    m_images.setMaxCost(count);
}

void Thumbnails::setOutline(ImageId id, const QImage& outline) {
    Q_ASSERT(outline.isNull() || outline.format() == QImage::Format_Indexed8);
    if (outline.isNull()) {
        m_outlines.remove(id);
    } else {
        QList<QRgb> table = outline.colorTable();
        table.resize(kColors);
        QByteArray bytes(reinterpret_cast<const char*>(table.constData()),
                         static_cast<qsizetype>(table.size() * sizeof(QRgb)));
        for (int y = 0; y < outline.height(); ++y)
            bytes.append(reinterpret_cast<const char*>(outline.constScanLine(y)), outline.width());
        m_outlines.insert(id, {outline.size(), qCompress(bytes, 1)});
    }
    Q_EMIT changed(id);
}

QImage Thumbnails::outline(ImageId id) const {
    const auto it = m_outlines.constFind(id);
    if (it == m_outlines.constEnd())
        return {};
    const QByteArray bytes = qUncompress(it->packed);
    QList<QRgb> table(kColors);
    const char* from = bytes.constData();
    std::memcpy(table.data(), from, kColors * sizeof(QRgb));
    from += kColors * sizeof(QRgb);
    QImage image(it->size, QImage::Format_Indexed8);
    image.setColorTable(table);
    for (int y = 0; y < image.height(); ++y, from += image.width())
        std::memcpy(image.scanLine(y), from, static_cast<std::size_t>(image.width()));
    return image;
}

void Thumbnails::clear() {
    ++m_generation;
    m_images.clear();
    m_outlines.clear();
    m_wishes.clear();
    m_asked.clear();
}

} // namespace limn
