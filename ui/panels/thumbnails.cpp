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

namespace limn {
namespace {

// More than a screen full of them in the grid; others come back from the cache folder.
constexpr int kKeptInMemory = 400;
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
    Result<Image> image = openImage(path.toStdString());
    if (!image)
        return {};
    const ImagePyramidPtr pyramid = buildPyramid(std::make_shared<const Image>(std::move(*image)));
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
    m_images.setMaxCost(kKeptInMemory);
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

void Thumbnails::setOutline(ImageId id, const QImage& outline) {
    m_outlines.insert(id, outline);
    Q_EMIT changed(id);
}

QImage Thumbnails::outline(ImageId id) const {
    return m_outlines.value(id);
}

void Thumbnails::clear() {
    ++m_generation;
    m_images.clear();
    m_outlines.clear();
    m_wishes.clear();
    m_asked.clear();
}

} // namespace limn
