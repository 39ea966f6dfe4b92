// SPDX-License-Identifier: GPL-3.0-or-later
// The look: colour tokens for dark and light, the style sheet and palette made of them, and the icon family
// in the colours of the theme. GUI thread.
#pragma once

#include <QColor>
#include <QHash>
#include <QIcon>
#include <QObject>
#include <QPalette>
#include <QString>

class QAbstractButton;
class QApplication;

namespace limn {

// Of two opaque colours, 1 to 21, as WCAG 2 defines it.
double contrastOf(const QColor& a, const QColor& b);

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
    // The desktop asks for black on white or white on black: that wins over every choice made here.
    bool highContrast() const { return m_highContrast; }
    // The desktop's own colours, as they are now.
    void setSystemPalette(const QPalette& palette);
    // A token of resources/themes/*.json, such as "accent".
    QColor color(const char* token) const;
    // 100..200 %; kept in the settings.
    int textPercent() const { return m_textPercent; }
    void setTextPercent(int percent);
    // A length that is right at the usual text size, at the chosen one.
    int scaled(int px) const;
    // Whether fingers press what there is to press; kept in the settings.
    bool forFingers() const { return m_forFingers; }
    void setForFingers(bool on);
    // The least height and width of what is pressed: 28 for a mouse, 44 for a finger.
    int target() const { return m_forFingers ? 44 : 28; }
    // A button that shows an icon alone: as large as its icon demands, at every text size, and as a target
    // has to be. `icon` 0: its usual size.
    static void sizeButton(QAbstractButton* button, QSize size, int icon = 0);

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
    void followSystem();

    QApplication& m_application;
    Mode m_mode = Mode::System;
    bool m_dark = false;
    bool m_highContrast = false;
    bool m_applying = false;
    bool m_following = false; // a change of the desktop's waits to be taken over
    int m_textPercent = 100;
    bool m_forFingers = false;
    double m_basePointSize = 10;
    QHash<QString, QColor> m_colors;
    QPalette m_systemPalette;
};

} // namespace limn
