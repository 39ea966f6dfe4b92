// SPDX-License-Identifier: GPL-3.0-or-later
// What a person should know, without stopping them: banners stay over the upper edge of the canvas until they
// are solved, toasts pass after six seconds. Neither takes the focus. GUI thread.
#pragma once

#include <QElapsedTimer>
#include <QFrame>
#include <QString>
#include <QTimer>

#include <functional>
#include <vector>

class QHBoxLayout;
class QLabel;
class QLineEdit;
class QPushButton;
class QToolButton;

namespace limn {

struct BannerAction {
    QString text;
    std::function<void()> run;
    bool keepsBanner = false;
};

struct Banner {
    enum class Kind { Info, Warning, Error };
    QString id; // a banner of the same id is replaced; with the same text it keeps its place
    Kind kind = Kind::Info;
    QString text;
    std::vector<BannerAction> actions;
    // A line to write into, given to `entered` when Enter is pressed; empty: none.
    QString entry;
    std::function<void(const QString&)> entered;
    std::function<void()> closed; // the person closed it
};

class BannerBar : public QFrame {
    Q_OBJECT

public:
    explicit BannerBar(QWidget* parent = nullptr);
    void show(Banner banner);
    void remove(const QString& id);
    void clear();
    bool contains(const QString& id) const;
    QString currentText() const;
    // Presses an action of the shown banner by its position; for keys (Enter = the first).
    bool activate(int action);

Q_SIGNALS:
    void left();                                             // the control that had the focus is gone
    void changed();                                          // what is shown, or nothing any more
    void told(limn::Banner::Kind kind, const QString& text); // a new one is shown

private:
    void rebuild();
    void showIcon();

    std::vector<Banner> m_banners; // the last one is shown
    QHBoxLayout* m_layout = nullptr;
    QLabel* m_icon = nullptr;
    QLabel* m_text = nullptr;
    QLineEdit* m_entry = nullptr;
    QHBoxLayout* m_actions = nullptr;
    QLabel* m_more = nullptr;
    QToolButton* m_close = nullptr;
};

// A remark over the lower edge of its parent; paused while the pointer is over it.
class Toast : public QFrame {
    Q_OBJECT

public:
    // Shown over the middle of `over`, a widget inside the parent.
    Toast(QWidget* parent, QWidget* over);
    void show(const QString& text, const QString& actionText = {}, std::function<void()> action = {});
    // What it offers can no longer be done: it goes, unless another message has taken its place.
    void withdraw(const QString& text);

Q_SIGNALS:
    void told(const QString& text);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    void place();

    QWidget* m_over;
    QLabel* m_text;
    QPushButton* m_action;
    std::function<void()> m_run;
    QTimer m_timer;
};

} // namespace limn
