// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/annotation_conversion.h"

#include <algorithm>
#include <cstring>

namespace limn {

namespace {

LabelTiles sharedTiles(const TileMap& map) {
    LabelTiles tiles(map.size(), kTileSize);
    for (int i = 0; i < map.tileCount(); ++i) {
        if (const TilePtr& tile = map.tile(i))
            tiles.tiles[static_cast<std::size_t>(i)] = TileBytes(tile, tile->data());
    }
    return tiles;
}

TileMap copiedTiles(const LabelTiles& tiles) {
    if (tiles.tileSize != kTileSize)
        return TileMap(labelMapFromTiles(tiles));
    TileMap map(tiles.size);
    for (int i = 0; i < map.tileCount(); ++i) {
        const TileBytes& bytes = tiles.tiles[static_cast<std::size_t>(i)];
        if (!bytes)
            continue;
        auto tile = std::make_shared<Tile>();
        std::memcpy(tile->data(), bytes.get(), kTilePixels);
        map.setTile(i, std::move(tile));
    }
    return map;
}

Origin originOf(ProvenanceKind kind) {
    switch (kind) {
    case ProvenanceKind::None:
        return Origin::None;
    case ProvenanceKind::Model:
        return Origin::Model;
    case ProvenanceKind::ModelEdited:
        return Origin::ModelEdited;
    case ProvenanceKind::Manual:
        return Origin::Manual;
    }
    return Origin::None;
}

ProvenanceKind kindOf(Origin origin) {
    switch (origin) {
    case Origin::None:
        return ProvenanceKind::None;
    case Origin::Model:
        return ProvenanceKind::Model;
    case Origin::ModelEdited:
        return ProvenanceKind::ModelEdited;
    case Origin::Manual:
        return ProvenanceKind::Manual;
    }
    return ProvenanceKind::None;
}

} // namespace

LabelRecord toRecord(const Label& label) {
    LabelRecord record;
    record.value = label.value;
    record.name = label.name;
    record.colour = static_cast<std::uint32_t>(label.color.red) << 16 |
                    static_cast<std::uint32_t>(label.color.green) << 8 | label.color.blue;
    record.codeScheme = label.code.scheme;
    record.codeValue = label.code.value;
    record.codeMeaning = label.code.meaning;
    record.locked = label.locked;
    record.visible = label.visible;
    return record;
}

Label fromRecord(const LabelRecord& record) {
    Label label;
    label.value = static_cast<std::uint8_t>(std::clamp(record.value, 1, 255));
    label.name = record.name;
    label.color = {static_cast<std::uint8_t>(record.colour >> 16),
                   static_cast<std::uint8_t>(record.colour >> 8), static_cast<std::uint8_t>(record.colour)};
    label.code = {record.codeScheme, record.codeValue, record.codeMeaning};
    label.locked = record.locked;
    label.visible = record.visible;
    return label;
}

StoredAnnotation toStored(const AnnotationSnapshot& snapshot, ImageId image, PersonId person) {
    StoredAnnotation stored;
    stored.image = image;
    stored.person = person;
    stored.labels = sharedTiles(snapshot.labels);
    stored.provenanceMap = sharedTiles(snapshot.provenance);
    for (const Label& label : snapshot.labelTable)
        stored.labelTable.push_back(toRecord(label));
    int index = 0;
    for (const ProvenanceSource& source : snapshot.sources) {
        ProvenanceRecord record;
        record.index = index++;
        record.origin = originOf(source.kind);
        record.person = source.person;
        record.firstTimeMs = source.firstTimeMs;
        record.lastTimeMs = source.lastTimeMs;
        if (record.origin == Origin::Model || record.origin == Origin::ModelEdited) {
            record.modelName = source.model.name;
            record.modelSha256 = source.model.sha256;
            record.threshold = source.threshold;
        }
        stored.provenance.push_back(std::move(record));
    }
    if (snapshot.threshold)
        stored.threshold = *snapshot.threshold;
    stored.noLesion = snapshot.noLesion;
    return stored;
}

AnnotationSnapshot fromStored(const StoredAnnotation& stored) {
    AnnotationSnapshot snapshot;
    snapshot.labels = copiedTiles(stored.labels);
    snapshot.provenance =
        stored.provenanceMap.empty() ? TileMap(stored.labels.size) : copiedTiles(stored.provenanceMap);
    for (const LabelRecord& record : stored.labelTable)
        snapshot.labelTable.push_back(fromRecord(record));
    snapshot.sources.resize(1); // entry 0: nobody decided
    for (const ProvenanceRecord& record : stored.provenance) {
        const std::size_t index = static_cast<std::size_t>(record.index);
        if (index >= snapshot.sources.size())
            snapshot.sources.resize(index + 1);
        ProvenanceSource& source = snapshot.sources[index];
        source.kind = kindOf(record.origin);
        source.model = {record.modelName, record.modelSha256};
        source.threshold = record.threshold < 0.0 ? 0.0f : static_cast<float>(record.threshold);
        source.person = record.person;
        source.firstTimeMs = record.firstTimeMs;
        source.lastTimeMs = record.lastTimeMs;
    }
    if (stored.threshold)
        snapshot.threshold = static_cast<float>(*stored.threshold);
    snapshot.noLesion = stored.noLesion;
    return snapshot;
}

} // namespace limn
