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

class QLabel;
class QMenu;
class QPushButton;

namespace limn {

// Names, and their figures at the far edge: in pixels and, with a scale, in millimetres beside them, or above
// them where the pane is narrow.
class FigureTable : public QWidget {
    Q_OBJECT

public:
    struct Row {
        QLabel* name;
        QLabel* px;
        QLabel* mm;
    };
    explicit FigureTable(QWidget* parent = nullptr);
    const Row& addRow(const QString& name, const QString& tip);
    const std::vector<Row>& rows() const { return m_rows; }

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Columns {
        int name = 0, px = 0, mm = 0;
    };
    Columns columns() const;
    bool stacked(int width) const;
    int place(int width, bool really) const; // the height

    std::vector<Row> m_rows;
};

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
    MeasureMark markOf(int row) const;
    void unitClicked();
    void compute();
    void stop();
    void show();

    ReviewSession& m_session;
    QTimer m_timer;
    std::optional<LabelMeasurements> m_measurements;
    QLabel* m_onePlane = nullptr;
    QPushButton* m_unit;
    QLabel* m_empty;
    FigureTable* m_table;
    std::shared_ptr<CancelToken> m_computing; // null: nothing is computed
    bool m_again = false;
};

} // namespace limn
