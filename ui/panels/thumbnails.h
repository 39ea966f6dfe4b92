// SPDX-License-Identifier: GPL-3.0-or-later
// Small pictures of the worklist's images: made one after the other in the background, the newest wish first,
// and kept in the user's cache folder; in memory are about as many as the window can show, whatever the
// project's size. GUI thread.
#pragma once

#include "app/project/worklist.h"

#include <QCache>
#include <QHash>
#include <QImage>
#include <QObject>
#include <QSet>
#include <QString>
#include <QThreadPool>

#include <memory>
#include <vector>

namespace limn {

class Thumbnails : public QObject {
    Q_OBJECT

public:
    static constexpr int kSide = 144; // device pixels of the longer side

    explicit Thumbnails(QObject* parent = nullptr);
    ~Thumbnails() override;

    // Null while it is being made; changed() follows. `path` is absolute.
    QImage find(ImageId id, const QString& path, qint64 modifiedMs);
    // How many stay in memory; others come back from the cache folder.
    void setKept(int count);
    // Outline drawn over the picture, its own size, of Format_Indexed8; null: none. All are kept, in a few
    // hundred bytes each.
    void setOutline(ImageId id, const QImage& outline);
    QImage outline(ImageId id) const;
    void clear();

Q_SIGNALS:
    void changed(limn::ImageId id);

private:
    struct Wish {
        ImageId id;
        QString path;
        qint64 modifiedMs;
    };
    void next();

    QCache<ImageId, QImage> m_images;
    struct Outline {
        QSize size;
        QByteArray packed; // colour table, then rows without padding
    };
    QHash<ImageId, Outline> m_outlines;
    std::vector<Wish> m_wishes;
    QSet<ImageId> m_asked;
    int m_running = 0;
    quint64 m_generation = 0;
    QThreadPool m_pool;
};

} // namespace limn
