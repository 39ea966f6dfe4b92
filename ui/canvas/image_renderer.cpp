// SPDX-License-Identifier: GPL-3.0-or-later
// VTK scene of textured tiles. World coordinates are image coordinates with y turned up.
#include "ui/canvas/image_renderer.h"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkFloatArray.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkImageData.h>
#include <vtkNew.h>
#include <vtkOpenGLState.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkSmartPointer.h>
#include <vtkTexture.h>

#include <QOpenGLContext>
#include <QOpenGLExtraFunctions>

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

namespace limn {
namespace {

constexpr int kTextureSize = 512;
// Tiles kept beyond the visible ones; 64 tiles of 512 x 512 RGB are 48 MB.
constexpr std::size_t kKeptTiles = 64;

using TileKey = std::tuple<int, int, int>; // level, column, row

struct TextureTile {
    vtkSmartPointer<vtkTexture> texture;
    vtkSmartPointer<vtkActor> actor;
    std::uint64_t lastUsed = 0;
};

// One tile with a border of one pixel taken from its neighbours, so that smoothing shows no seams.
TextureTile makeTextureTile(const ImagePyramid& pyramid, const TileKey& key) {
    const auto [levelIndex, column, row] = key;
    const ImagePyramid::Level& level = pyramid.levels[static_cast<std::size_t>(levelIndex)];
    const int x0 = column * kTextureSize;
    const int y0 = row * kTextureSize;
    const int x1 = std::min(x0 + kTextureSize, level.size.width);
    const int y1 = std::min(y0 + kTextureSize, level.size.height);
    const int bx0 = std::max(0, x0 - 1);
    const int by0 = std::max(0, y0 - 1);
    const int bx1 = std::min(level.size.width, x1 + 1);
    const int by1 = std::min(level.size.height, y1 + 1);

    vtkNew<vtkImageData> data;
    data->SetDimensions(bx1 - bx0, by1 - by0, 1);
    data->AllocateScalars(VTK_UNSIGNED_CHAR, 3);
    auto* out = static_cast<std::uint8_t*>(data->GetScalarPointer());
    const std::size_t rowBytes = static_cast<std::size_t>(bx1 - bx0) * 3;
    for (int y = by0; y < by1; ++y) {
        std::memcpy(out, level.rgb + (static_cast<std::size_t>(y) * level.size.width + bx0) * 3, rowBytes);
        out += rowBytes;
    }

    TextureTile tile;
    tile.texture = vtkSmartPointer<vtkTexture>::New();
    tile.texture->SetInputData(data);
    tile.texture->SetWrap(vtkTexture::ClampToEdge);
    tile.texture->SetColorModeToDirectScalars();

    // A level's pixel covers 2^k image pixels, also where its size was rounded up.
    const double scale = static_cast<double>(1 << levelIndex);
    const Size full = pyramid.levels.front().size;
    const double wx0 = x0 * scale;
    const double wy0 = y0 * scale;
    const double wx1 = std::min<double>(x1 * scale, full.width);
    const double wy1 = std::min<double>(y1 * scale, full.height);
    const double width = bx1 - bx0;
    const double height = by1 - by0;
    const double u0 = (x0 - bx0) / width;
    const double v0 = (y0 - by0) / height;
    const double u1 = (wx1 / scale - bx0) / width;
    const double v1 = (wy1 / scale - by0) / height;

    vtkNew<vtkPoints> points;
    points->SetDataTypeToFloat();
    points->InsertNextPoint(wx0, -wy0, 0);
    points->InsertNextPoint(wx1, -wy0, 0);
    points->InsertNextPoint(wx1, -wy1, 0);
    points->InsertNextPoint(wx0, -wy1, 0);
    vtkNew<vtkFloatArray> coordinates;
    coordinates->SetNumberOfComponents(2);
    coordinates->InsertNextTuple2(u0, v0);
    coordinates->InsertNextTuple2(u1, v0);
    coordinates->InsertNextTuple2(u1, v1);
    coordinates->InsertNextTuple2(u0, v1);
    vtkNew<vtkCellArray> cells;
    const vtkIdType quad[4] = {0, 1, 2, 3};
    cells->InsertNextCell(4, quad);
    vtkNew<vtkPolyData> poly;
    poly->SetPoints(points);
    poly->SetPolys(cells);
    poly->GetPointData()->SetTCoords(coordinates);

    vtkNew<vtkPolyDataMapper> mapper;
    mapper->SetInputData(poly);
    mapper->ScalarVisibilityOff();
    tile.actor = vtkSmartPointer<vtkActor>::New();
    tile.actor->SetMapper(mapper);
    tile.actor->SetTexture(tile.texture);
    tile.actor->GetProperty()->LightingOff();
    tile.actor->GetProperty()->SetColor(1, 1, 1);
    tile.actor->GetProperty()->BackfaceCullingOff();
    tile.actor->ForceOpaqueOn();
    return tile;
}

} // namespace

struct ImageRenderer::Private {
    vtkSmartPointer<vtkGenericOpenGLRenderWindow> window;
    vtkSmartPointer<vtkRenderer> renderer;
    ImagePyramidPtr pyramid;
    std::map<TileKey, TextureTile> tiles;
    std::uint64_t frame = 0;
    QColor background = Qt::black;

    void clearTiles() {
        for (auto& [key, tile] : tiles) {
            renderer->RemoveActor(tile.actor);
            tile.actor->ReleaseGraphicsResources(window);
            tile.texture->ReleaseGraphicsResources(window);
        }
        tiles.clear();
    }

    void dropOldTiles() {
        while (tiles.size() > kKeptTiles) {
            auto oldest = tiles.end();
            for (auto it = tiles.begin(); it != tiles.end(); ++it) {
                if (it->second.lastUsed != frame &&
                    (oldest == tiles.end() || it->second.lastUsed < oldest->second.lastUsed))
                    oldest = it;
            }
            if (oldest == tiles.end())
                return;
            renderer->RemoveActor(oldest->second.actor);
            oldest->second.actor->ReleaseGraphicsResources(window);
            oldest->second.texture->ReleaseGraphicsResources(window);
            tiles.erase(oldest);
        }
    }
};

ImageRenderer::ImageRenderer() : d(std::make_unique<Private>()) {}

ImageRenderer::~ImageRenderer() = default;

void ImageRenderer::initialize() {
    d->window = vtkSmartPointer<vtkGenericOpenGLRenderWindow>::New();
    d->window->SetOwnContext(0);
    d->window->SetMapped(true);
    d->window->SetIsCurrent(true);
    d->window->SetSupportsOpenGL(true);
    d->window->SetIsDirect(1);
    d->window->SetMultiSamples(0);
    d->window->SetFrameBlitModeToNoBlit();
    d->renderer = vtkSmartPointer<vtkRenderer>::New();
    d->renderer->SetBackgroundAlpha(1.0);
    d->renderer->GetActiveCamera()->ParallelProjectionOn();
    d->window->AddRenderer(d->renderer);
    d->window->OpenGLInitContext();
}

void ImageRenderer::release() {
    if (!d->window)
        return;
    d->clearTiles();
    d->window->RemoveRenderer(d->renderer);
    d->window->Finalize();
    d->renderer = nullptr;
    d->window = nullptr;
}

void ImageRenderer::setPyramid(ImagePyramidPtr pyramid) {
    if (d->window)
        d->clearTiles();
    d->pyramid = std::move(pyramid);
}

void ImageRenderer::setBackground(const QColor& color) {
    d->background = color;
}

void ImageRenderer::render(const ViewTransform& view, unsigned int framebuffer) {
    const QSize size = view.viewport();
    if (!d->window || size.isEmpty())
        return;
    ++d->frame;
    d->window->GetState()->Reset();
    d->window->GetState()->Push();
    d->window->SetReadyForRendering(true);
    d->window->SetSize(size.width(), size.height());
    d->renderer->SetBackground(d->background.redF(), d->background.greenF(), d->background.blueF());

    for (auto& [key, tile] : d->tiles)
        tile.actor->VisibilityOff();
    if (d->pyramid && !view.empty()) {
        const int level = d->pyramid->levelFor(view.zoom());
        const double tileInImage = static_cast<double>(kTextureSize) * (1 << level);
        const Rect visible = view.visibleImageRect();
        if (!visible.empty()) {
            const int c1 = static_cast<int>((visible.right() - 1) / tileInImage);
            const int r1 = static_cast<int>((visible.bottom() - 1) / tileInImage);
            for (int r = static_cast<int>(visible.y / tileInImage); r <= r1; ++r) {
                for (int c = static_cast<int>(visible.x / tileInImage); c <= c1; ++c) {
                    const TileKey key{level, c, r};
                    auto it = d->tiles.find(key);
                    if (it == d->tiles.end()) {
                        it = d->tiles.emplace(key, makeTextureTile(*d->pyramid, key)).first;
                        d->renderer->AddActor(it->second.actor);
                    }
                    it->second.lastUsed = d->frame;
                    it->second.actor->VisibilityOn();
                    it->second.texture->SetInterpolate(view.zoom() < ViewTransform::kCrispZoom);
                }
            }
        }
        const QPointF center =
            (QPointF(size.width() / 2.0, size.height() / 2.0) - QPointF(view.origin())) / view.zoom();
        vtkCamera* camera = d->renderer->GetActiveCamera();
        camera->SetFocalPoint(center.x(), -center.y(), 0);
        camera->SetPosition(center.x(), -center.y(), 10);
        camera->SetViewUp(0, 1, 0);
        camera->SetClippingRange(1, 20);
        camera->SetParallelScale(size.height() / 2.0 / view.zoom());
    }
    d->window->Render();
    d->window->GetState()->Pop();

    QOpenGLExtraFunctions* gl = QOpenGLContext::currentContext()->extraFunctions();
    gl->glBindFramebuffer(GL_DRAW_FRAMEBUFFER, framebuffer);
    gl->glDisable(GL_SCISSOR_TEST);
    d->window->BlitDisplayFramebuffer();
    d->window->GetState()->Reset();
    gl->glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    d->dropOldTiles();
}

} // namespace limn
