// SPDX-License-Identifier: GPL-3.0-or-later
// Two hundred mixed gestures and commands in the window, by chance but from a fixed seed: after each the
// annotation is what a naive model of the tools says, leaving the image and coming back included; all of it
// undone and redone gives the same bytes, and so does the project's file.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_fixture.h"

#include "app/project/saver.h"
#include "io/store/project_store.h"
#include "ui/theme/application_setup.h"

#include <cmath>
#include <random>

using namespace limn;

namespace {

constexpr Size kImage{320, 240};
using Map = std::vector<std::uint8_t>;

// Every pixel asked whether its centre is nearer than r to the way, or holds one of its ends.
void paintWay(Map& map, const std::vector<QPointF>& way, double r, std::uint8_t value) {
    for (std::size_t i = 0; i < way.size(); ++i) {
        const QPointF a = way[i > 0 ? i - 1 : 0], b = way[i];
        const QPointF d = b - a;
        const double length2 = QPointF::dotProduct(d, d);
        for (int y = 0; y < kImage.height; ++y) {
            for (int x = 0; x < kImage.width; ++x) {
                const QPointF c(x + 0.5, y + 0.5);
                const double t =
                    length2 > 0 ? std::clamp(QPointF::dotProduct(c - a, d) / length2, 0.0, 1.0) : 0.0;
                const QPointF off = c - (a + t * d);
                const bool holds = x == std::floor(b.x()) && y == std::floor(b.y());
                if (holds || QPointF::dotProduct(off, off) <= r * r)
                    map[static_cast<std::size_t>(y) * kImage.width + x] = value;
            }
        }
    }
}

// Every pixel asked how often the loop goes round its centre.
void paintLoop(Map& map, const std::vector<QPointF>& loop, std::uint8_t value) {
    for (int y = 0; y < kImage.height; ++y) {
        for (int x = 0; x < kImage.width; ++x) {
            const QPointF c(x + 0.5, y + 0.5);
            int winding = 0;
            for (std::size_t i = 0; i < loop.size(); ++i) {
                const QPointF a = loop[i], b = loop[(i + 1) % loop.size()];
                const double side = (b.x() - a.x()) * (c.y() - a.y()) - (c.x() - a.x()) * (b.y() - a.y());
                if (a.y() <= c.y() && b.y() > c.y() && side > 0)
                    ++winding;
                else if (a.y() > c.y() && b.y() <= c.y() && side < 0)
                    --winding;
            }
            if (winding != 0)
                map[static_cast<std::size_t>(y) * kImage.width + x] = value;
        }
    }
}

} // namespace

class TestMixedSteps : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    WindowFixture m;

    Map labels() const { return m.document()->labels().toLabelMap().labels; }
    QPointF image(QPoint logical) const {
        return m.canvas()->view().toImage(QPointF(logical) * m.canvas()->devicePixelRatioF());
    }

private Q_SLOTS:
    void cleanup() { m.close(); }

    void twoHundredMixedSteps() {
        writeDrawnImages(m_folder.path(), 2, kImage);
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder.path());
        m.session().setUsesProposalFirst(false);
        m.session().setPersonName(QStringLiteral("Ana"));
        const ImageId id = m.session().current();
        std::mt19937 random(20);
        const auto chance = [&random](int below) {
            return static_cast<int>(random() % static_cast<unsigned>(below));
        };
        std::vector<Map> steps{Map(kImage.pixels(), 0)}; // what undo goes back to, the newest last
        std::size_t at = 0;
        const auto made = [&](const Map& next) {
            if (next == steps[at])
                return; // what changes nothing is no step
            steps.resize(at + 1);
            steps.push_back(next);
            ++at;
        };
        m.canvas()->zoomTo(1.0);
        int undone = 0, lassos = 0, returns = 0;
        for (int step = 0; step < 200; ++step) {
            std::vector<QPoint> points;
            const int corners = 2 + chance(4);
            for (int i = 0; i < corners; ++i)
                points.push_back(m.at(chance(kImage.width + 40) - 20, chance(kImage.height + 40) - 20));
            std::vector<QPointF> way;
            for (const QPoint& p : points)
                way.push_back(image(p));
            const bool subtract = chance(3) == 0;
            const Qt::KeyboardModifiers keys = subtract ? Qt::ControlModifier : Qt::NoModifier;
            Map next = steps[at];
            const int what = chance(20);
            if (what < 9) {
                m.key(Qt::Key_B);
                const int size = 1 + chance(60);
                m.window().toolSettings().brushPx = size;
                m.stroke(points, keys);
                paintWay(next, way, size / 2.0, subtract ? 0 : 1);
                made(next);
            } else if (what < 12) {
                m.key(Qt::Key_L);
                m.stroke(points, keys);
                paintLoop(next, way, subtract ? 0 : 1);
                made(next);
                ++lassos;
            } else if (what < 16) {
                m.key(Qt::Key_Z, Qt::ControlModifier);
                undone += at > 0;
                at -= at > 0 ? 1 : 0;
            } else if (what < 18) {
                m.key(Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
                at += at + 1 < steps.size() ? 1 : 0;
            } else if (what == 18) {
                m.press(points.front(), keys); // a gesture that is dropped
                m.move(points.back(), keys);
                m.key(Qt::Key_Escape);
                m.release(points.back(), keys);
            } else {
                m.key(Qt::Key_Right);
                QTRY_VERIFY_WITH_TIMEOUT(m.session().current() != id && m.painted(), 10000);
                m.key(Qt::Key_Left);
                QTRY_VERIFY_WITH_TIMEOUT(m.session().current() == id && m.painted(), 10000);
                m.canvas()->zoomTo(1.0);
                ++returns;
            }
            QVERIFY2(labels() == steps[at],
                     qPrintable(QStringLiteral("step %1, of kind %2").arg(step).arg(what)));
            QCOMPARE(m.document()->history().undoCount(), at);
        }
        QVERIFY(undone > 10 && lassos > 10 && returns > 2);
        QVERIFY(m.session().waitUntilSaved(20000).waiting == 0);
        StoreOptions reading;
        reading.create = false;
        reading.readOnly = true;
        auto store = ProjectStore::open(m.session().project()->filePath(), reading);
        QVERIFY(store.ok());
        const auto saved = (*store)->annotation(id, m.session().project()->currentPerson());
        QVERIFY(saved && *saved);
        QVERIFY(labelMapFromTiles((*saved)->labels).labels == steps[at]);

        const std::size_t last = at;
        while (at > 0) {
            m.key(Qt::Key_Z, Qt::ControlModifier);
            QVERIFY2(labels() == steps[--at], qPrintable(QStringLiteral("undone to %1").arg(at)));
        }
        while (at < last) {
            m.key(Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
            QVERIFY2(labels() == steps[++at], qPrintable(QStringLiteral("redone to %1").arg(at)));
        }
    }
};

LIMN_GUI_TEST_MAIN(TestMixedSteps)
#include "tst_mixed_steps.moc"
