// SPDX-License-Identifier: GPL-3.0-or-later
// Reading and drawing of small outlines.
#include "ui/session/small_outlines.h"

#include "ui/canvas/class_source.h"

#include <QPointer>
#include <QtConcurrent>

#include <array>

namespace limn {
namespace {

constexpr QRgb kProposalColor = qRgb(0xF0, 0xE4, 0x42);
constexpr std::size_t kMostWishes = 60; // older ones scrolled out of view long ago

using Colors = std::array<QRgb, 256>;

Colors colorsOf(const std::vector<Label>& table) {
    Colors colors{};
    for (const Label& label : table)
        colors[label.value] = qRgb(label.color.red, label.color.green, label.color.blue);
    return colors;
}

// Drawn at its own size: a byte a pixel, since a project's many are all kept.
QImage drawn(const ClassSource& source, Size full, int side, const Colors& colors) {
    const QSize small = QSize(full.width, full.height).scaled(side, side, Qt::KeepAspectRatio);
    if (small.isEmpty())
        return {};
    QImage image(small, QImage::Format_Indexed8);
    // A label's value is its place in the table; the dark casing takes the last that no label has.
    QList<QRgb> table(256, qRgba(0, 0, 0, 0));
    int casing = 0;
    for (int value = 1; value < 256; ++value) {
        const QRgb color = colors[static_cast<std::size_t>(value)];
        if (color == 0)
            casing = value;
        else
            table[value] = color | 0xff000000;
    }
    if (casing != 0)
        table[casing] = qRgb(0x10, 0x10, 0x10);
    image.setColorTable(table);
    image.fill(0);
    std::vector<int> xs(static_cast<std::size_t>(small.width()));
    for (int x = 0; x < small.width(); ++x)
        xs[static_cast<std::size_t>(x)] = static_cast<int>((x + 0.5) * full.width / small.width());
    std::vector<std::vector<std::uint8_t>> rows(static_cast<std::size_t>(small.height()),
                                                std::vector<std::uint8_t>(xs.size()));
    for (int y = 0; y < small.height(); ++y)
        source.sampleRow(static_cast<int>((y + 0.5) * full.height / small.height()), xs.data(), small.width(),
                         rows[static_cast<std::size_t>(y)].data());
    const auto at = [&](int x, int y) -> std::uint8_t {
        return x < 0 || y < 0 || x >= small.width() || y >= small.height()
                   ? 0
                   : rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
    };
    for (int y = 0; y < small.height(); ++y) {
        uchar* line = image.scanLine(y);
        for (int x = 0; x < small.width(); ++x) {
            const std::uint8_t c = at(x, y);
            for (const auto& [dx, dy] :
                 {std::pair{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {-1, -1}, {1, -1}, {-1, 1}}) {
                const std::uint8_t n = at(x + dx, y + dy);
                if (c != 0 && n != c)
                    line[x] = c;
                else if (c == 0 && n != 0)
                    line[x] = static_cast<uchar>(casing);
            }
        }
    }
    return image;
}

QImage drawn(const ProposalPtr& proposal, double threshold, Size full, int side) {
    Colors colors{};
    colors[1] = kProposalColor;
    return drawn(ThresholdSource(proposal, threshold), full, side, colors);
}

QImage drawn(const TileMap& labels, const std::vector<Label>& table, int side) {
    return drawn(LabelSource([&labels]() -> const TileMap& { return labels; }), labels.size(), side,
                 colorsOf(table));
}

} // namespace

SmallOutlines::SmallOutlines(ReviewSession& session, int side, QObject* parent)
    : QObject(parent), m_session(session), m_side(side) {
    const auto forget = [this] {
        ++m_generation;
        m_wishes.clear();
        m_asked.clear();
        m_running = false;
    };
    connect(&session, &ReviewSession::projectOpened, this, forget);
    connect(&session, &ReviewSession::projectClosed, this, forget);
    connect(&session, &ReviewSession::recordsChanged, this, [this](const std::vector<ImageId>& ids) {
        for (const ImageId id : ids)
            m_asked.remove(id);
    });
}

QImage SmallOutlines::ofShown() const {
    const AnnotationDocument* document = m_session.document();
    if (!document || !m_session.pyramid())
        return {};
    if (document->untouched() && document->proposal())
        return drawn(document->proposal(), document->threshold(), document->size(), m_side);
    return drawn(document->labels(), document->labelTable(), m_side);
}

void SmallOutlines::ask(ImageId id) {
    if (id == 0 || m_asked.contains(id))
        return;
    m_asked.insert(id);
    m_wishes.push_back(id);
    if (m_wishes.size() > kMostWishes) {
        m_asked.remove(m_wishes.front());
        m_wishes.erase(m_wishes.begin());
    }
    next();
}

void SmallOutlines::next() {
    const ImageRecord* r = nullptr;
    while (!m_running && !r && !m_wishes.empty() && m_session.hasProject()) {
        r = m_session.record(m_wishes.back());
        m_wishes.pop_back();
        // Nothing is there before anybody has worked on it.
        if (r && ((r->state == ReviewState::New && r->lastEditor == kNobody) || !r->trouble.empty()))
            r = nullptr;
    }
    if (!r)
        return;
    m_running = true;
    const ImageId id = r->id;
    m_session.loadBeginning(id, [this, self = QPointer<SmallOutlines>(this), id, generation = m_generation](
                                    const Result<std::optional<LoadedAnnotation>>& loaded) {
        if (!self || generation != m_generation)
            return;
        if (!loaded || !loaded->has_value()) {
            readProposal(id, generation);
            return;
        }
        QtConcurrent::run([snapshot = (*loaded)->snapshot, side = m_side] {
            return drawn(snapshot.labels, snapshot.labelTable, side);
        }).then(this, [this, id, generation](const QImage& outline) { finish(id, generation, outline); });
    });
}

void SmallOutlines::readProposal(ImageId id, quint64 generation) {
    m_session.findProposal(id, [this, self = QPointer<SmallOutlines>(this), id,
                                generation](const ProposalPtr& proposal, double threshold) {
        if (!self || generation != m_generation)
            return;
        if (!proposal) {
            finish(id, generation, {});
            return;
        }
        const Size full{proposal->extent.width, proposal->extent.height};
        QtConcurrent::run([proposal, threshold, full, side = m_side] {
            return drawn(proposal, threshold, full, side);
        }).then(this, [this, id, generation](const QImage& outline) { finish(id, generation, outline); });
    });
}

void SmallOutlines::finish(ImageId id, quint64 generation, const QImage& outline) {
    if (generation != m_generation)
        return;
    m_running = false;
    if (!outline.isNull())
        Q_EMIT ready(id, outline);
    next();
}

} // namespace limn
