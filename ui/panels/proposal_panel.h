// SPDX-License-Identifier: GPL-3.0-or-later
// The shown proposal: which one, threshold under its histogram, use, run; or one sentence why there is none.
// GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QWidget>

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSlider;
class QToolButton;

namespace limn {

class Commands;

// Counts of probabilities behind the slider, on a square-root scale.
class HistogramView : public QWidget {
    Q_OBJECT

public:
    explicit HistogramView(QWidget* parent = nullptr);
    void setCounts(std::vector<std::size_t> counts);
    void setThreshold(double threshold);
    QSize sizeHint() const override { return {180, 40}; }

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::vector<std::size_t> m_counts;
    double m_threshold = 0.5;
};

class ProposalPanel : public QWidget {
    Q_OBJECT

public:
    ProposalPanel(ReviewSession& session, Commands& commands, QWidget* parent = nullptr);
    QSlider* slider() const { return m_slider; }

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void refresh();
    void refreshThreshold();

    ReviewSession& m_session;
    QComboBox* m_choice;
    QLabel* m_status;
    QPushButton* m_chooseModel; // where there is none that works
    HistogramView* m_histogram;
    QSlider* m_slider;
    QDoubleSpinBox* m_value;
    QPushButton* m_use;
    QToolButton* m_run;
    QWidget* m_controls;
    ProposalPtr m_counted;
    bool m_updating = false;
};

} // namespace limn
