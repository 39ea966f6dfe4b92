// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/schema.h"

#include <array>

namespace limn {

namespace {

// Conventions: times in milliseconds since 1970 UTC as BIGINT, 0 = never; yes/no as INTEGER 0/1; person 0 is
// a row of its own with an empty name (nobody, or the agreed annotation's owner), so that every reference to
// people is checked. Lists that are only ever read with their owner (label table and provenance sources of an
// annotation) are JSON texts.
std::vector<std::string> firstSchema(SqlDialect dialect) {
    std::vector<std::string> statements = {
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",

        "CREATE TABLE holder (id INTEGER PRIMARY KEY CHECK (id = 1), host TEXT NOT NULL, "
        "process_id BIGINT NOT NULL, person TEXT NOT NULL, since_ms BIGINT NOT NULL)",

        "CREATE TABLE people (id {id}, name TEXT NOT NULL UNIQUE)",
        "INSERT INTO people (id, name) VALUES (0, '')",

        "CREATE TABLE images (id {id}, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL DEFAULT '', "
        "width INTEGER NOT NULL DEFAULT 0 CHECK (width >= 0), height INTEGER NOT NULL DEFAULT 0 CHECK "
        "(height >= 0), "
        "spacing_x_mm DOUBLE PRECISION, spacing_y_mm DOUBLE PRECISION, spacing_source TEXT NOT NULL DEFAULT "
        "'', "
        "modality TEXT NOT NULL DEFAULT '', file_bytes BIGINT NOT NULL DEFAULT 0, "
        "file_modified_ms BIGINT NOT NULL DEFAULT 0, position BIGINT NOT NULL DEFAULT 0, "
        "trouble TEXT NOT NULL DEFAULT '', state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 5), "
        "reason TEXT NOT NULL DEFAULT '', flagged INTEGER NOT NULL DEFAULT 0, flag_note TEXT NOT NULL "
        "DEFAULT '', "
        "no_lesion INTEGER NOT NULL DEFAULT 0, assignee BIGINT NOT NULL DEFAULT 0 REFERENCES people (id), "
        "uncertainty DOUBLE PRECISION NOT NULL DEFAULT -1, area_pixels BIGINT NOT NULL DEFAULT -1, "
        "change_percent DOUBLE PRECISION NOT NULL DEFAULT -1, "
        "last_editor BIGINT NOT NULL DEFAULT 0 REFERENCES people (id), last_edit_ms BIGINT NOT NULL DEFAULT "
        "0, "
        "added_ms BIGINT NOT NULL DEFAULT 0, CHECK (state <> 5 OR reason <> ''))",
        "CREATE INDEX images_by_hash ON images (sha256)",
        "CREATE INDEX images_by_position ON images (position)",

        "CREATE TABLE annotations (id {id}, image_id BIGINT NOT NULL REFERENCES images (id) ON DELETE "
        "CASCADE, "
        "person_id BIGINT NOT NULL REFERENCES people (id), version INTEGER NOT NULL CHECK (version >= 0), "
        "revision BIGINT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, tile_size INTEGER NOT "
        "NULL, "
        "has_provenance INTEGER NOT NULL, label_table TEXT NOT NULL, provenance TEXT NOT NULL, "
        "threshold DOUBLE PRECISION, no_lesion INTEGER NOT NULL, saved_ms BIGINT NOT NULL, "
        "UNIQUE (image_id, person_id, version))",
        "CREATE TABLE tiles (annotation_id BIGINT NOT NULL REFERENCES annotations (id) ON DELETE CASCADE, "
        "layer INTEGER NOT NULL, tile INTEGER NOT NULL, data {blob} NOT NULL, "
        "PRIMARY KEY (annotation_id, layer, tile))",

        "CREATE TABLE kept_versions (id {id}, "
        "annotation_id BIGINT NOT NULL REFERENCES annotations (id) ON DELETE CASCADE, revision BIGINT NOT "
        "NULL, "
        "kept_by BIGINT NOT NULL REFERENCES people (id), what TEXT NOT NULL, kept_ms BIGINT NOT NULL, "
        "width INTEGER NOT NULL, height INTEGER NOT NULL, tile_size INTEGER NOT NULL, "
        "has_provenance INTEGER NOT NULL, label_table TEXT NOT NULL, provenance TEXT NOT NULL, "
        "threshold DOUBLE PRECISION, no_lesion INTEGER NOT NULL)",
        "CREATE INDEX kept_versions_by_annotation ON kept_versions (annotation_id)",
        "CREATE TABLE kept_tiles (kept_id BIGINT NOT NULL REFERENCES kept_versions (id) ON DELETE CASCADE, "
        "layer INTEGER NOT NULL, tile INTEGER NOT NULL, data {blob} NOT NULL, PRIMARY KEY (kept_id, layer, "
        "tile))",

        "CREATE TABLE label_sets (id {id}, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE labels (set_id BIGINT NOT NULL REFERENCES label_sets (id) ON DELETE CASCADE, "
        "position INTEGER NOT NULL, value INTEGER NOT NULL CHECK (value BETWEEN 1 AND 255), name TEXT NOT "
        "NULL, "
        "colour BIGINT NOT NULL, code_scheme TEXT NOT NULL, code_value TEXT NOT NULL, code_meaning TEXT NOT "
        "NULL, "
        "locked INTEGER NOT NULL, visible INTEGER NOT NULL, PRIMARY KEY (set_id, value))",

        "CREATE TABLE proposals (id {id}, image_sha256 TEXT NOT NULL, model_sha256 TEXT NOT NULL, "
        "settings TEXT NOT NULL, x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, "
        "height INTEGER NOT NULL, probability {blob} NOT NULL, network {blob} NOT NULL, "
        "network_width INTEGER NOT NULL, network_height INTEGER NOT NULL, spread {blob}, "
        "model_name TEXT NOT NULL, device TEXT NOT NULL, precision_name TEXT NOT NULL, "
        "default_threshold DOUBLE PRECISION NOT NULL, uncertainty DOUBLE PRECISION NOT NULL, "
        "made_ms BIGINT NOT NULL, bytes BIGINT NOT NULL, UNIQUE (image_sha256, model_sha256, settings))",

        "CREATE TABLE calibrations (id {id}, image_id BIGINT REFERENCES images (id) ON DELETE CASCADE, "
        "camera TEXT NOT NULL, spacing_x_mm DOUBLE PRECISION NOT NULL, spacing_y_mm DOUBLE PRECISION NOT "
        "NULL, "
        "source TEXT NOT NULL, person_id BIGINT NOT NULL REFERENCES people (id), made_ms BIGINT NOT NULL)",
        "CREATE INDEX calibrations_by_image ON calibrations (image_id)",

        // No reference to images: the lines of a removed image stay.
        "CREATE TABLE history (id {id}, time_ms BIGINT NOT NULL, person_id BIGINT NOT NULL REFERENCES people "
        "(id), "
        "image_id BIGINT NOT NULL, what TEXT NOT NULL, from_text TEXT NOT NULL, to_text TEXT NOT NULL, "
        "note TEXT NOT NULL)",
        "CREATE INDEX history_by_image ON history (image_id, id)",
    };
    for (const std::string& statement : appendOnly(dialect, "history"))
        statements.push_back(statement);
    return statements;
}

constexpr std::array kTables = {"settings",  "holder",        "people",     "images",     "annotations",
                                "tiles",     "kept_versions", "kept_tiles", "label_sets", "labels",
                                "proposals", "calibrations",  "history"};

const std::vector<Migration>& migrations() {
    static const std::vector<Migration> all = {
        {1, "images, annotations, proposals, labels, people, calibrations, history", 1, firstSchema},
    };
    return all;
}

} // namespace

std::span<const Migration> storeMigrations() {
    return migrations();
}

std::span<const char* const> storeTables() {
    return kTables;
}

Result<SchemaState> schemaState(SqlConnection& connection) {
    Result<QSqlQuery> exists =
        connection.run(tableExistsQuery(connection.dialect()), {QStringLiteral("schema_versions")});
    if (!exists)
        return exists.error();
    if (!exists->next()) {
        if (Result<void> ended = connection.ended(*exists); !ended)
            return ended.error();
        return SchemaState{};
    }
    exists->finish();
    Result<QSqlQuery> newest =
        connection.run("SELECT version, oldest_reader FROM schema_versions ORDER BY version DESC LIMIT 1");
    if (!newest)
        return newest.error();
    SchemaState state;
    if (newest->next()) {
        state.version = newest->value(0).toInt();
        state.oldestReader = newest->value(1).toInt();
    }
    if (Result<void> ended = connection.ended(*newest); !ended)
        return ended.error();
    return state;
}

SchemaFit schemaFit(const SchemaState& state, std::span<const Migration> known) {
    const int ours = known.empty() ? 0 : known.back().version;
    if (state.version == 0)
        return SchemaFit::Empty;
    if (state.version < ours)
        return SchemaFit::Older;
    if (state.version == ours)
        return SchemaFit::Current;
    return state.oldestReader <= ours ? SchemaFit::NewerReadable : SchemaFit::NewerRefused;
}

Result<void> migrate(SqlConnection& connection, std::span<const Migration> migrations, std::int64_t nowMs) {
    const Result<SchemaState> state = schemaState(connection);
    if (!state)
        return state.error();
    for (const Migration& migration : migrations) {
        if (migration.version <= state->version)
            continue;
        SqlTransaction transaction(connection);
        if (Result<void> begun = transaction.begin(); !begun)
            return begun;
        std::vector<std::string> statements;
        statements.push_back(
            "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, "
            "description TEXT NOT NULL, oldest_reader INTEGER NOT NULL, applied_ms BIGINT NOT NULL)");
        for (const std::string& statement : migration.statements(connection.dialect()))
            statements.push_back(inDialect(connection.dialect(), statement));
        for (const std::string& statement : statements) {
            if (const Result<QSqlQuery> ran = connection.run(statement); !ran)
                return ran.error();
        }
        const Result<QSqlQuery> noted = connection.run(
            "INSERT INTO schema_versions (version, description, oldest_reader, applied_ms) "
            "VALUES (?, ?, ?, ?)",
            {migration.version, text(migration.description), migration.oldestReader, number(nowMs)});
        if (!noted)
            return noted.error();
        if (Result<void> committed = transaction.commit(); !committed)
            return committed;
    }
    return {};
}

} // namespace limn
