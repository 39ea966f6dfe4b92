// SPDX-License-Identifier: GPL-3.0-or-later
// A clean-up with a parameter, previewed while it is chosen: Enter applies, Esc leaves everything as it was.
// Computes in the background; the newest value counts. GUI thread.
#pragma once

#include "app/document/annotation_document.h"
#include "ui/session/review_session.h"

#include <QFrame>
#include <QTimer>

class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSlider;

namespace limn {

class CleanUpBar : public QFrame {
    Q_OBJECT

public:
    explicit CleanUpBar(ReviewSession& session, QWidget* parent = nullptr);
    ~CleanUpBar() override;

    // Smooth, RemoveSpecks or FillHoles of the active label, inside the session's scope. The same again while
    // it is shown applies it.
    void begin(StepKind kind);
    bool active() const { return m_active; }
    void apply();
    void cancel();

Q_SIGNALS:
    void previewChanged(const limn::MaskEdit& change);
    // Hand this to the document.
    void applied(limn::StepKind kind, const limn::MaskEdit& change);
    void ended();

private:
    void compute();
    void stop();
    void show(const MaskEdit& change);
    void end();
    int stepOf(double value) const;
    double valueOf(int step) const;

    ReviewSession& m_session;
    QLabel* m_title;
    QLabel* m_name;
    QSlider* m_slider;
    QDoubleSpinBox* m_value;
    QLabel* m_effect;
    QPushButton* m_apply;
    QTimer m_timer;
    StepKind m_kind = StepKind::Smooth;
    bool m_active = false;
    bool m_updating = false;
    bool m_applyWhenReady = false;
    std::shared_ptr<CancelToken> m_computing; // null: what is shown is what the value says
    MaskEdit m_change;
};

} // namespace limn
