// SPDX-License-Identifier: GPL-3.0-or-later
// Palette, style sheet, icon engine.
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QApplication>
#include <QDir>
#include <QEvent>
#include <QFile>
#include <QFont>
#include <QFontDatabase>
#include <QFontMetrics>
#include <QIconEngine>
#include <QJsonDocument>
#include <QJsonObject>
#include <QPainter>
#include <QPalette>
#include <QPixmapCache>
#include <QSettings>
#include <QStandardPaths>
#include <QStyleFactory>
#include <QSvgRenderer>
#include <QTemporaryDir>
#include <QTimer>

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

Theme* s_theme = nullptr;

constexpr double kHighContrast = 20; // ordinary desktops stay below 19; black on white has 21

double luminanceOf(const QColor& color) {
    const auto linear = [](double v) {
        return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
}

QByteArray iconSource(const QString& name) {
    static QHash<QString, QByteArray> cache;
    auto it = cache.find(name);
    if (it == cache.end()) {
        QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
        QByteArray bytes;
        if (file.open(QIODevice::ReadOnly))
            bytes = file.readAll();
        it = cache.insert(name, bytes);
    }
    return *it;
}

void paintIcon(QPainter* painter, const QRectF& rect, const QString& name, const QColor& color) {
    QByteArray svg = iconSource(name);
    svg.replace("currentColor", color.name().toLatin1());
    svg.replace("knockout", Theme::instance().color("panel").name().toLatin1());
    QSvgRenderer renderer(svg);
    painter->setRenderHint(QPainter::Antialiasing);
    renderer.render(painter, rect);
}

class ThemedIcon : public QIconEngine {
public:
    ThemedIcon(QString name, QByteArray token) : m_name(std::move(name)), m_token(std::move(token)) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        paintIcon(painter, rect, m_name, colorFor(mode));
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State) override { return make(size, mode); }
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State, qreal) override {
        return make(size, mode);
    }
    QIconEngine* clone() const override { return new ThemedIcon(m_name, m_token); }

private:
    QColor colorFor(QIcon::Mode mode) const {
        return Theme::instance().color(mode == QIcon::Disabled ? "disabled" : m_token.constData());
    }
    QPixmap make(const QSize& size, QIcon::Mode mode) const {
        const QColor color = colorFor(mode);
        const QString key = QStringLiteral("limn-icon/%1/%2/%3x%4")
                                .arg(m_name, color.name())
                                .arg(size.width())
                                .arg(size.height());
        QPixmap pixmap;
        if (!QPixmapCache::find(key, &pixmap)) {
            pixmap = QPixmap(size);
            pixmap.fill(Qt::transparent);
            QPainter painter(&pixmap);
            paintIcon(&painter, QRectF(QPointF(0, 0), QSizeF(size)), m_name, color);
            painter.end();
            QPixmapCache::insert(key, pixmap);
        }
        return pixmap;
    }

    QString m_name;
    QByteArray m_token;
};

// Style sheets can name image files only: the marks are drawn into files of a folder that ends with the
// program.
QString markFile(const QString& name, const QColor& color) {
    static QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("%1-%2.svg").arg(name, color.name().mid(1)));
    if (!QFile::exists(path)) {
        QByteArray svg = iconSource(name);
        svg.replace("currentColor", color.name().toLatin1());
        QFile file(path);
        if (file.open(QIODevice::WriteOnly))
            file.write(svg);
    }
    return path;
}

} // namespace

double contrastOf(const QColor& a, const QColor& b) {
    const double first = luminanceOf(a);
    const double second = luminanceOf(b);
    return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

void Theme::install(QApplication& application) {
    s_theme = new Theme(application);
}

Theme& Theme::instance() {
    return *s_theme;
}

Theme::Theme(QApplication& application)
    : QObject(&application), m_application(application), m_systemPalette(application.palette()) {
    QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    QFont font = QApplication::font();
    // A bare system falls back to wide faces; these are narrower and common.
    if (font.family().startsWith(QLatin1String("DejaVu")) || font.family() == QLatin1String("Sans Serif")) {
        const QStringList families = QFontDatabase::families();
        for (const char* wanted :
             {"Inter", "Noto Sans", "Cantarell", "Open Sans", "Ubuntu", "Liberation Sans", "DejaVu Sans"}) {
            if (families.contains(QLatin1String(wanted))) {
                font.setFamily(QLatin1String(wanted));
                break;
            }
        }
    }
    m_basePointSize = font.family() == QLatin1String("DejaVu Sans") ? 9.0 : 10.0;
    QApplication::setFont(font);
    const QSettings settings;
    const QString mode = settings.value(QStringLiteral("theme"), QStringLiteral("system")).toString();
    m_mode = mode == QLatin1String("dark")    ? Mode::Dark
             : mode == QLatin1String("light") ? Mode::Light
                                              : Mode::System;
    m_textPercent = qBound(100, settings.value(QStringLiteral("textPercent"), 100).toInt(), 200);
    m_forFingers = settings.value(QStringLiteral("forFingers"), false).toBool();
    application.installEventFilter(this);
    apply();
}

bool Theme::eventFilter(QObject* watched, QEvent* event) {
    // The desktop's own change of colours is told to each window; ours are told apart by the guard.
    if (event->type() == QEvent::ThemeChange && watched->isWindowType() && !m_applying && !m_following) {
        m_following = true;
        QTimer::singleShot(0, this, &Theme::followSystem);
    }
    return QObject::eventFilter(watched, event);
}

void Theme::followSystem() {
    // Without a palette of our own, the application has the desktop's.
    m_applying = true;
    QApplication::setPalette(QPalette());
    const QPalette palette = QApplication::palette();
    m_applying = false;
    m_following = false;
    setSystemPalette(palette);
}

void Theme::setSystemPalette(const QPalette& palette) {
    m_systemPalette = palette;
    apply();
}

void Theme::setMode(Mode mode) {
    m_mode = mode;
    QSettings().setValue(QStringLiteral("theme"), mode == Mode::Dark    ? QStringLiteral("dark")
                                                  : mode == Mode::Light ? QStringLiteral("light")
                                                                        : QStringLiteral("system"));
    apply();
}

void Theme::setTextPercent(int percent) {
    m_textPercent = qBound(100, percent, 200);
    QSettings().setValue(QStringLiteral("textPercent"), m_textPercent);
    apply();
}

void Theme::setForFingers(bool on) {
    m_forFingers = on;
    QSettings().setValue(QStringLiteral("forFingers"), on);
    apply();
}

int Theme::scaled(int px) const {
    return px * m_textPercent / 100;
}

void Theme::sizeButton(QAbstractButton* button, QSize size, int icon) {
    const auto apply = [button, size, icon] {
        const Theme& theme = instance();
        button->setFixedSize(std::max(theme.scaled(size.width()), theme.target()),
                             std::max(theme.scaled(size.height()), theme.target()));
        if (icon > 0)
            button->setIconSize(QSize(theme.scaled(icon), theme.scaled(icon)));
    };
    apply();
    connect(&instance(), &Theme::changed, button, apply);
}

QColor Theme::color(const char* token) const {
    return m_colors.value(QLatin1String(token), Qt::magenta);
}

void Theme::apply() {
    m_applying = true;
    const QColor window = m_systemPalette.color(QPalette::Window);
    const QColor windowText = m_systemPalette.color(QPalette::WindowText);
    const bool systemIsDark = window.lightness() < 128;
    m_highContrast = contrastOf(window, windowText) > kHighContrast;
    m_dark = m_highContrast ? systemIsDark : m_mode == Mode::Dark || (m_mode == Mode::System && systemIsDark);
    QFile tokens(m_dark ? QStringLiteral(":/themes/dark.json") : QStringLiteral(":/themes/light.json"));
    m_colors.clear();
    if (tokens.open(QIODevice::ReadOnly)) {
        const QJsonObject object = QJsonDocument::fromJson(tokens.readAll()).object();
        for (auto it = object.begin(); it != object.end(); ++it)
            m_colors.insert(it.key(), QColor(it.value().toString()));
    }
    if (m_highContrast) {
        // Surfaces and text as the desktop has them, and a line where there was a shade.
        for (const char* surface : {"window", "panel", "raised"})
            m_colors.insert(QLatin1String(surface), window);
        for (const char* line : {"text", "muted", "border", "line"})
            m_colors.insert(QLatin1String(line), windowText);
    }
    m_colors.insert(QStringLiteral("accentHover"),
                    m_dark ? color("accent").lighter(112) : color("accent").lighter(120));

    QPalette palette;
    palette.setColor(QPalette::Window, color("window"));
    palette.setColor(QPalette::WindowText, color("text"));
    palette.setColor(QPalette::Base, color("panel"));
    palette.setColor(QPalette::AlternateBase, color("window"));
    palette.setColor(QPalette::Text, color("text"));
    palette.setColor(QPalette::PlaceholderText, color("muted"));
    palette.setColor(QPalette::Button, color("raised"));
    palette.setColor(QPalette::ButtonText, color("text"));
    palette.setColor(QPalette::BrightText, color("error"));
    palette.setColor(QPalette::Highlight, color("accent"));
    palette.setColor(QPalette::HighlightedText, color("onAccent"));
    palette.setColor(QPalette::Link, color("accent"));
    palette.setColor(QPalette::ToolTipBase, color("raised"));
    palette.setColor(QPalette::ToolTipText, color("text"));
    palette.setColor(QPalette::Mid, color("border"));
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, color("disabled"));
    QApplication::setPalette(palette);

    QFont font = QApplication::font();
    font.setPointSizeF(m_basePointSize * m_textPercent / 100.0);
    QApplication::setFont(font);

    QFile sheet(QStringLiteral(":/themes/limn.qss"));
    QString text;
    if (sheet.open(QIODevice::ReadOnly))
        text = QString::fromUtf8(sheet.readAll());
    text.replace(QLatin1String("@chevron"), markFile(QStringLiteral("chevron-down"), color("muted")));
    text.replace(QLatin1String("@checkmark"), markFile(QStringLiteral("check"), color("onAccent")));
    // Points, so that headings grow with the text.
    text.replace(QLatin1String("@titleSize"),
                 QString::number(m_basePointSize * 1.45 * m_textPercent / 100.0, 'f', 1) +
                     QLatin1String("pt"));
    const int lineHeight = QFontMetrics(font).height();
    // Heights of contents: frames and paddings of the sheet make targets of them.
    for (const auto& [name, px] : {std::pair{"@buttonHeight", std::max(target() - 10, lineHeight)},
                                   {"@fieldHeight", std::max(target() - 8, lineHeight)},
                                   {"@toolHeight", target() - 8},
                                   {"@rowHeight", target() - 6},
                                   {"@menuPadding", std::max(7, (target() - lineHeight) / 2)},
                                   {"@target", target()},
                                   {"@iconSize", scaled(16)},
                                   {"@indicator", scaled(15)},
                                   {"@arrow", scaled(12)}})
        text.replace(QLatin1String(name), QStringLiteral("%1px").arg(px));
    const QColor veil = color("window"); // what lies below shines through
    text.replace(QLatin1String("@veil"),
                 QStringLiteral("rgba(%1, %2, %3, 200)").arg(veil.red()).arg(veil.green()).arg(veil.blue()));
    // Longer names first: accentSoft before accent.
    QStringList names = m_colors.keys();
    std::sort(names.begin(), names.end(),
              [](const QString& a, const QString& b) { return a.size() > b.size(); });
    for (const QString& name : names)
        text.replace(QLatin1Char('@') + name, m_colors.value(name).name());
    QPixmapCache::clear();
    m_application.setStyleSheet(text);
    m_applying = false;
    Q_EMIT changed();
}

QIcon Theme::icon(const QString& name) {
    return QIcon(new ThemedIcon(name, "text"));
}

QIcon Theme::icon(const QString& name, const char* token) {
    return QIcon(new ThemedIcon(name, token));
}

QPixmap Theme::pixmap(const QString& name, const char* token, int size, qreal ratio) {
    QPixmap pixmap(QSize(size, size) * ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    paintIcon(&painter, QRectF(0, 0, size * ratio, size * ratio), name, instance().color(token));
    painter.end();
    pixmap.setDevicePixelRatio(ratio);
    return pixmap;
}

} // namespace limn
