// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of the active label, in pixels and, with a spacing, in millimetres with its source. Computed in the
// background after each edit. GUI thread.
#pragma once

#include "app/measure/measurements.h"
#include "ui/session/review_session.h"

#include <QLineF>
#include <QTimer>
#include <QVector>
#include <QWidget>

class QGridLayout;
class QLabel;
class QMenu;
class QPushButton;

namespace limn {

// What a figure stands for in the image, shown while the figure is pointed at.
struct MeasureMark {
    QVector<QLineF> lines; // image coordinates
    QPointF center;
    double diameter = 0; // of a circle; 0: none
    bool edge = false;   // the outline of the active label
    bool inside = false; // its area
};

class MeasurePanel : public QWidget {
    Q_OBJECT

public:
    explicit MeasurePanel(ReviewSession& session, QWidget* parent = nullptr);
    ~MeasurePanel() override;
    // The table as text with tabs, for the clipboard.
    QString tableText() const;
    const std::optional<LabelMeasurements>& measurements() const { return m_measurements; }

Q_SIGNALS:
    void calibrateRequested();
    // A row is pointed at; nothing in it: none is any more.
    void pointedAt(const MeasureMark& mark);
    void measured();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    struct Row {
        QLabel* name;
        QLabel* px;
        QLabel* mm;
    };
    MeasureMark markOf(int row) const;
    void unitClicked();
    void compute();
    void stop();
    void show();

    ReviewSession& m_session;
    QTimer m_timer;
    std::optional<LabelMeasurements> m_measurements;
    std::vector<Row> m_rows;
    QLabel* m_onePlane = nullptr;
    QPushButton* m_unit;
    QLabel* m_empty;
    QWidget* m_table;
    std::shared_ptr<CancelToken> m_computing; // null: nothing is computed
    bool m_again = false;
};

} // namespace limn
