// SPDX-License-Identifier: GPL-3.0-or-later
// Colours: what is read has contrast on every surface, lines on an image are told apart by every eye, states
// and sides also without colour, dark and light follow the desktop, and a desktop of high contrast wins over
// the setting.
#include "tests/gui/gui_test.h"

#include "app/document/labels.h"
#include "ui/canvas/overlay_compositor.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QLabel>
#include <QPainter>
#include <QSettings>
#include <QTest>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

using namespace limn;

namespace {

using Matrix = std::array<double, 9>;

// What an eye without one kind of cones sees, in linear light (Machado, Oliveira, Fernandes 2009, severity
// 1).
const std::pair<const char*, Matrix> kDeficiencies[] = {
    {"all cones", {1, 0, 0, 0, 1, 0, 0, 0, 1}},
    {"protanopia",
     {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998}},
    {"deuteranopia",
     {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881}},
    {"tritanopia",
     {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900}},
};

using Lab = std::array<double, 3>;

Lab labOf(const QColor& color, const Matrix& eye) {
    const auto linear = [](double v) {
        return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    };
    const double rgb[3] = {linear(color.redF()), linear(color.greenF()), linear(color.blueF())};
    double seen[3];
    for (std::size_t i = 0; i < 3; ++i)
        seen[i] =
            std::clamp(eye[3 * i] * rgb[0] + eye[3 * i + 1] * rgb[1] + eye[3 * i + 2] * rgb[2], 0.0, 1.0);
    const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    const double x = f((0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.95047);
    const double y = f(0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2]);
    const double z = f((0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.08883);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

// CIE 142-2001.
double ciede2000(const Lab& one, const Lab& two) {
    constexpr double kPi = 3.14159265358979323846;
    const auto degrees = [](double a, double b) {
        const double angle = std::atan2(b, a) * 180 / kPi;
        return angle < 0 ? angle + 360 : angle;
    };
    const auto radians = [](double angle) { return angle * kPi / 180; };
    const double c = (std::hypot(one[1], one[2]) + std::hypot(two[1], two[2])) / 2;
    const double g = 0.5 * (1 - std::sqrt(std::pow(c, 7) / (std::pow(c, 7) + std::pow(25.0, 7))));
    const double a1 = (1 + g) * one[1], a2 = (1 + g) * two[1];
    const double c1 = std::hypot(a1, one[2]), c2 = std::hypot(a2, two[2]);
    const double h1 = degrees(a1, one[2]), h2 = degrees(a2, two[2]);
    double dh = h2 - h1;
    if (dh > 180)
        dh -= 360;
    else if (dh < -180)
        dh += 360;
    const double dH = c1 * c2 == 0 ? 0 : 2 * std::sqrt(c1 * c2) * std::sin(radians(dh / 2));
    const double l = (one[0] + two[0]) / 2, cm = (c1 + c2) / 2;
    double h = (h1 + h2) / 2;
    if (c1 * c2 == 0)
        h = h1 + h2;
    else if (std::abs(h1 - h2) > 180)
        h += h1 + h2 < 360 ? 180 : -180;
    const double t = 1 - 0.17 * std::cos(radians(h - 30)) + 0.24 * std::cos(radians(2 * h)) +
                     0.32 * std::cos(radians(3 * h + 6)) - 0.20 * std::cos(radians(4 * h - 63));
    const double sl = 1 + 0.015 * (l - 50) * (l - 50) / std::sqrt(20 + (l - 50) * (l - 50));
    const double sc = 1 + 0.045 * cm, sh = 1 + 0.015 * cm * t;
    const double rt = -std::sin(radians(60 * std::exp(-std::pow((h - 275) / 25, 2)))) * 2 *
                      std::sqrt(std::pow(cm, 7) / (std::pow(cm, 7) + std::pow(25.0, 7)));
    const double x = (two[0] - one[0]) / sl, y = (c2 - c1) / sc, z = dH / sh;
    return std::sqrt(x * x + y * y + z * z + rt * y * z);
}

} // namespace

class TestTheme : public QObject {
    Q_OBJECT

    static QPalette desktop(const QColor& window, const QColor& text) {
        QPalette palette;
        palette.setColor(QPalette::Window, window);
        palette.setColor(QPalette::WindowText, text);
        return palette;
    }

private Q_SLOTS:
    void cleanup() {
        Theme::instance().setMode(Theme::Mode::System);
        Theme::instance().setSystemPalette(desktop(QColor(0xEF, 0xEF, 0xEF), Qt::black));
    }

    void contrastByTheBook() {
        QCOMPARE(qRound(contrastOf(Qt::black, Qt::white) * 10), 210);
        QCOMPARE(qRound(contrastOf(QColor(0x77, 0x77, 0x77), Qt::white) * 100), 448);
        QCOMPARE(contrastOf(Qt::red, Qt::red), 1.0);
    }

    void everythingThatIsReadHasContrast() {
        for (const Theme::Mode mode : {Theme::Mode::Dark, Theme::Mode::Light}) {
            Theme& theme = Theme::instance();
            theme.setMode(mode);
            for (const char* surface : {"window", "panel", "raised"}) {
                const auto check = [&](const char* token, double least) {
                    const double contrast = contrastOf(theme.color(token), theme.color(surface));
                    QVERIFY2(contrast >= least,
                             qPrintable(QStringLiteral("%1 on %2: %3")
                                            .arg(QLatin1String(token), QLatin1String(surface))
                                            .arg(contrast)));
                };
                for (const char* text : {"text", "muted", "accent", "ok", "warn", "error"})
                    check(text, 5);
                for (const char* line : {"border", "focus"})
                    check(line, 3);
            }
            QVERIFY(contrastOf(theme.color("onAccent"), theme.color("accent")) >= 5);
            for (const char* text : {"text", "muted"})
                QVERIFY(contrastOf(theme.color(text), theme.color("accentSoft")) >= 4.5);
        }
    }

    void coloursAreAsDesigned_data() {
        QTest::addColumn<int>("mode");
        QTest::addColumn<QString>("colours");
        QTest::newRow("dark") << static_cast<int>(Theme::Mode::Dark)
                              << QStringLiteral("#1e1e20 #28282b #353539 #303030 #82828a #ececee #b0b0b8 "
                                                "#6cb8f0 #10212e #f0e442 #5cc8a0 #f2b134 #ff8a7a");
        QTest::newRow("light") << static_cast<int>(Theme::Mode::Light)
                               << QStringLiteral("#f3f3f4 #ffffff #e9e9eb #8a8a8a #80808a #1b1b1e #55555e "
                                                 "#005f9e #ffffff #005f9e #00694c #7a4f00 #b3261e");
    }
    void coloursAreAsDesigned() {
        QFETCH(int, mode);
        QFETCH(QString, colours);
        Theme::instance().setMode(static_cast<Theme::Mode>(mode));
        QStringList found;
        const char* const tokens[] = {"window", "panel",    "raised", "canvas", "border", "text", "muted",
                                      "accent", "onAccent", "focus",  "ok",     "warn",   "error"};
        for (const char* token : tokens)
            found.append(Theme::instance().color(token).name());
        QCOMPARE(found.join(QLatin1Char(' ')), colours);
    }

    // Lines on an image stand out of their dark casing, and no two of them look alike to anybody.
    void linesOnAnImageAreToldApart() {
        const QColor casing(0x10, 0x10, 0x10);
        std::vector<QColor> lines;
        const double contrasts[] = {8.2, 8.4, 5.6, 6.2, 4.9, 3.7};
        for (int i = 0; i < 6; ++i) {
            const Color c = paletteColor(i);
            lines.emplace_back(c.red, c.green, c.blue);
            QCOMPARE(qRound(contrastOf(lines.back(), casing) * 10), qRound(contrasts[i] * 10));
        }
        lines.emplace_back(0xF0, 0xE4, 0x42); // proposal
        QCOMPARE(qRound(contrastOf(lines.back(), casing) * 10), 144);
        lines.emplace_back(Qt::white); // agreement
        QCOMPARE(qRound(contrastOf(lines.back(), casing)), 19);
        for (const auto& [kind, matrix] : kDeficiencies) {
            double least = 1000;
            for (std::size_t i = 0; i < lines.size(); ++i) {
                for (std::size_t k = i + 1; k < lines.size(); ++k)
                    least = std::min(least, ciede2000(labOf(lines[i], matrix), labOf(lines[k], matrix)));
            }
            std::printf("least difference between two lines, %s: %.1f\n", kind, least);
            QVERIFY2(std::lround(least * 10) >= 109, kind);
        }
    }

    // Signs of states by their shape alone, at the size of the list's rows.
    void statesAreToldApartWithoutColour() {
        std::vector<QImage> signs;
        for (const char* icon : {"state-new", "state-proposed", "state-progress", "state-submitted",
                                 "state-accepted", "state-rejected", "state-broken", "flag"}) {
            QImage sign(QSize(13, 13), QImage::Format_RGB32);
            sign.fill(Qt::white);
            QPainter painter(&sign);
            Theme::icon(QLatin1String(icon), "text").paint(&painter, sign.rect());
            painter.end();
            signs.push_back(sign.convertToFormat(QImage::Format_Grayscale8));
        }
        for (std::size_t i = 0; i < signs.size(); ++i) {
            for (std::size_t k = i + 1; k < signs.size(); ++k) {
                int different = 0;
                for (int y = 0; y < 13; ++y) {
                    for (int x = 0; x < 13; ++x)
                        different += std::abs(signs[i].pixelColor(x, y).value() -
                                              signs[k].pixelColor(x, y).value()) > 64;
                }
                QVERIFY2(different > 6,
                         qPrintable(QStringLiteral("%1 and %2: %3 pixels").arg(i).arg(k).arg(different)));
            }
        }
    }

    // Of a comparison, both sides in one colour: hatched one way and the other.
    void sidesAreToldApartWithoutColour() {
        const auto shot = [](std::uint8_t hatch) {
            OverlayCompositor compositor;
            OverlayLayer layer;
            layer.source = std::make_shared<AreaSource>(PixelArea::rectangle({0, 0, 200, 200}));
            layer.setAll(qRgb(255, 255, 255), 90, LineStyle::None);
            layer.hatch[1] = hatch;
            compositor.setLayers({layer});
            QImage image(200, 200, QImage::Format_RGB32);
            image.fill(QColor(0x80, 0x80, 0x80));
            const ViewTransform view(Size{200, 200}, QSize(200, 200));
            QPainter painter(&image);
            compositor.paint(painter, view, image.rect());
            painter.end();
            return image.convertToFormat(QImage::Format_Grayscale8);
        };
        const QImage plain = shot(0), first = shot(1), second = shot(2);
        const auto different = [](const QImage& a, const QImage& b) {
            int count = 0;
            for (int y = 50; y < 150; ++y) {
                for (int x = 50; x < 150; ++x)
                    count += std::abs(a.pixelColor(x, y).value() - b.pixelColor(x, y).value()) > 20;
            }
            return count;
        };
        QVERIFY(different(plain, first) > 1000 && different(plain, second) > 1000);
        QVERIFY(different(first, second) > 1000);
        // They run along the two diagonals.
        const auto along = [](const QImage& image, int dx) {
            int same = 0;
            for (int y = 60; y < 140; ++y) {
                for (int x = 60; x < 140; ++x)
                    same += image.pixelColor(x, y) == image.pixelColor(x + dx, y + 1);
            }
            return same;
        };
        QVERIFY((along(first, 1) > along(first, -1)) != (along(second, 1) > along(second, -1)));
    }

    void darkAndLightFollowTheDesktop() {
        Theme& theme = Theme::instance();
        theme.setMode(Theme::Mode::System);
        theme.setSystemPalette(desktop(QColor(0x20, 0x22, 0x24), QColor(0xF0, 0xF0, 0xF0)));
        QVERIFY(theme.dark() && !theme.highContrast());
        theme.setSystemPalette(desktop(QColor(0xF6, 0xF5, 0xF4), QColor(0x2E, 0x34, 0x36)));
        QVERIFY(!theme.dark() && !theme.highContrast());
        theme.setMode(Theme::Mode::Dark);
        QVERIFY(theme.dark());
        theme.setSystemPalette(desktop(QColor(0xF6, 0xF5, 0xF4), QColor(0x2E, 0x34, 0x36)));
        QVERIFY(theme.dark()); // chosen
    }

    // A window is told of the change, and colours are those that the desktop has then.
    void aChangeWhileRunningIsTaken() {
        Theme& theme = Theme::instance();
        theme.setSystemPalette(desktop(QColor(0x20, 0x22, 0x24), QColor(0xF0, 0xF0, 0xF0)));
        QVERIFY(theme.dark());
        QLabel window(QStringLiteral("text"));
        window.show();
        QVERIFY(QTest::qWaitForWindowExposed(&window));
        QEvent change(QEvent::ThemeChange);
        QApplication::sendEvent(window.windowHandle(), &change);
        QTRY_VERIFY(!theme.dark()); // the test's server has no desktop: Qt's own light colours
        QVERIFY(contrastOf(window.palette().color(QPalette::WindowText),
                           window.palette().color(QPalette::Window)) > 5);
    }

    void highContrastWins() {
        Theme& theme = Theme::instance();
        theme.setMode(Theme::Mode::Dark);
        theme.setSystemPalette(desktop(Qt::white, Qt::black));
        QVERIFY(theme.highContrast() && !theme.dark());
        for (const char* line : {"text", "muted", "border", "line"}) {
            for (const char* surface : {"window", "panel", "raised"})
                QCOMPARE(qRound(contrastOf(theme.color(line), theme.color(surface))), 21);
        }
        theme.setSystemPalette(desktop(Qt::black, Qt::white));
        QVERIFY(theme.highContrast() && theme.dark());
        QCOMPARE(theme.color("window"), QColor(Qt::black));
        QVERIFY(contrastOf(theme.color("accent"), theme.color("panel")) >= 5);
    }
};

LIMN_GUI_TEST_MAIN(TestTheme)
#include "tst_theme.moc"
