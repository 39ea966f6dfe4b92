// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of the active label, in pixels and, with a spacing, in millimetres with its source. Computed in the
// background after each edit. GUI thread.
#pragma once

#include "app/measure/measurements.h"
#include "ui/session/review_session.h"

#include <QTimer>
#include <QWidget>

class QGridLayout;
class QLabel;
class QMenu;
class QPushButton;

namespace limn {

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
    // A line in image coordinates to draw while a row is pointed at; null: none.
    void axisHovered(const QLineF& line);
    void measured();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    struct Row {
        QLabel* name;
        QLabel* px;
        QLabel* mm;
    };
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
