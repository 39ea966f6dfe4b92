// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the main window as hands do: opens a folder, presses keys, drags on the canvas in image coordinates,
// reads back what lies in the project file, keeps pictures. Window tests inherit it. GUI thread.
#pragma once

#include "io/core/image.h"
#include "ui/window/main_window.h"

#include <QTemporaryDir>

#include <memory>

namespace limn {

class WindowDriver {
public:
    // Drawn images case-001.png, case-002.png, ... of both kinds in turn.
    static void drawImages(const QString& folder, int count, Size size);
    // ../shared beside the checkout, or the folder that the environment variable LIMN_SHARED_DIR names.
    static QString sharedFolder();

protected:
    // Before each test: no settings but a person's name, so that nobody is asked for it. After it: the window
    // and its folder go.
    void beginTest();
    void endTest();
    // A new temporary folder with drawn images, opened in a window whose model draws a disc.
    void open(int images = 3, Size size = {640, 480}, int delayMs = 0);
    // Opens m_folder in a new window and waits until its first image can be decided.
    void openFolder(int delayMs = 0);
    void showWindow(QSize size = {1280, 800});
    void closeWindow();
    static ModelChoice discModel(int delayMs);

    ReviewSession& session() const { return m_window->session(); }
    AnnotationDocument* document() const { return m_window->session().document(); }
    CanvasView* canvas() const { return &m_window->canvas(); }
    // A widget of the window by its object name, null where there is none; a command by its identifier.
    template<class T = QWidget>
    T* part(const char* name) const {
        return m_window->findChild<T*>(QLatin1String(name));
    }
    void trigger(const char* id) { m_window->commands().action(QLatin1String(id))->trigger(); }
    QPoint at(double x, double y) const;
    void drag(const QList<QPointF>& points, Qt::KeyboardModifiers modifiers = {},
              Qt::MouseButton button = Qt::LeftButton);
    // To whatever has the focus, or the canvas.
    void key(Qt::Key k, Qt::KeyboardModifiers modifiers = {});
    // The shown image can be decided: loaded, painted, with a proposal.
    bool decidable() const;
    // What the project file holds for an image and the current person, read by a second connection.
    LabelMap stored(ImageId id);
    std::size_t painted() const { return document()->labels().histogram()[1]; }
    QString shot(const QString& name);

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<MainWindow> m_window;
};

} // namespace limn
