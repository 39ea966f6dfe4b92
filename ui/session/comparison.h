// SPDX-License-Identifier: GPL-3.0-or-later
// Two sides, A and B, of the shown image to be looked at together: the bare image, the proposal, the
// annotation, another person's, the agreed one, or an earlier version; with the figures of how they agree.
// GUI thread; versions are read and figures computed in the background.
#pragma once

#include "app/measure/agreement.h"
#include "ui/canvas/class_source.h"
#include "ui/session/image_versions.h"

#include <QObject>
#include <QTimer>

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace limn {

struct CompareSource {
    enum class Kind { Image, Proposal, Annotation, Person, Kept };
    Kind kind = Kind::Image;
    PersonId person = kNobody; // Person
    int version = 0;           // Person
    std::int64_t kept = 0;     // Kept
    QString name;
    bool same(const CompareSource& other) const {
        return kind == other.kind && person == other.person && version == other.version && kept == other.kept;
    }
};

class Comparison : public QObject {
    Q_OBJECT

public:
    enum Side { A = 0, B = 1 };

    Comparison(ReviewSession& session, ImageVersions& versions, QObject* parent = nullptr);

    // What can be compared on the shown image. Image and annotation are always there.
    const std::vector<CompareSource>& sources() const { return m_sources; }
    const CompareSource& chosen(Side side) const { return m_sides[side].source; }
    void choose(Side side, const CompareSource& source);
    // Annotation against proposal, as at the beginning.
    void reset();
    // Figures are kept up to date only while somebody looks.
    void setActive(bool on);

    // What the side shows; null for the bare image, and while it is being read.
    ClassSourcePtr classes(Side side) const;
    // Labels with their colours; empty for the image and the proposal.
    std::vector<Label> labels(Side side) const;
    // Null where a side shows no mask, or while they are computed.
    const std::optional<Agreement>& figures() const { return m_figures; }

Q_SIGNALS:
    void sourcesChanged();
    void changed();        // another source, or its pixels arrived
    void figuresChanged(); // or were taken away

private:
    struct SideState {
        CompareSource source;
        std::shared_ptr<const AnnotationSnapshot> loaded;
        std::uint64_t request = 0;
    };
    void rebuildSources();
    void load(Side side);
    void compute();
    bool hasMask(Side side) const;

    ReviewSession& m_session;
    ImageVersions& m_versions;
    std::vector<CompareSource> m_sources;
    std::array<SideState, 2> m_sides;
    std::optional<Agreement> m_figures;
    QTimer m_timer;
    std::uint64_t m_requests = 0;
    std::uint64_t m_computing = 0;
    bool m_active = false;
};

} // namespace limn
