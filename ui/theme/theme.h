// SPDX-License-Identifier: GPL-3.0-or-later
// The look: colour tokens for dark and light, the style sheet and palette made of them, and the icon family
// in the colours of the theme. GUI thread.
#pragma once

#include <QColor>
#include <QHash>
#include <QIcon>
#include <QObject>
#include <QString>

class QApplication;

namespace limn {

class Theme : public QObject {
    Q_OBJECT

public:
    enum class Mode { System, Dark, Light };

    // Sets fonts, palette and style sheet, and follows the system while the mode is System.
    static void install(QApplication& application);
    static Theme& instance();

    Mode mode() const { return m_mode; }
    void setMode(Mode mode); // kept in the settings
    bool dark() const { return m_dark; }
    // A token of resources/themes/*.json, such as "accent".
    QColor color(const char* token) const;
    // 100..200 %; kept in the settings.
    int textPercent() const { return m_textPercent; }
    void setTextPercent(int percent);

    // An icon of resources/icons by its file name without ending; drawn in the text colour of the moment,
    // muted when disabled. Colours follow later theme changes.
    static QIcon icon(const QString& name);
    // The same in the colour of a token.
    static QIcon icon(const QString& name, const char* token);
    static QPixmap pixmap(const QString& name, const char* token, int size, qreal ratio);

Q_SIGNALS:
    void changed();

private:
    explicit Theme(QApplication& application);
    bool eventFilter(QObject* watched, QEvent* event) override;
    void apply();
    bool systemIsDark() const;

    QApplication& m_application;
    Mode m_mode = Mode::System;
    bool m_dark = false;
    bool m_applying = false;
    int m_textPercent = 100;
    double m_basePointSize = 10;
    QHash<QString, QColor> m_colors;
    QPalette m_systemPalette;
};

} // namespace limn
