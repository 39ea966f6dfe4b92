// SPDX-License-Identifier: GPL-3.0-or-later
// Draws an ImagePyramid through VTK into the framebuffer that is current: visible 512-pixel tiles only,
// smooth below 200 %, squares above. The one place of the program that includes VTK. GUI thread, with the
// OpenGL context of its widget current in every call.
#pragma once

#include "ui/canvas/image_pyramid.h"
#include "ui/canvas/view_transform.h"

#include <QColor>

#include <memory>

namespace limn {

class ImageRenderer {
public:
    ImageRenderer();
    ~ImageRenderer();

    // Makes VTK's window on the current context.
    void initialize();
    // Frees everything that lives in the context; initialize() may follow with another context.
    void release();

    void setPyramid(ImagePyramidPtr pyramid);
    void setBackground(const QColor& color);
    // Renders and blits into the framebuffer object.
    void render(const ViewTransform& view, unsigned int framebuffer);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace limn
