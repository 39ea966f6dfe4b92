// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: migrations bring a fresh and an older store up to date, leave a current one alone, tell a newer
// one that may be read from one that may not, and a failing migration leaves the version before it; released
// migrations never change, and files of every released version open today. The first are made up here.
#include "io/store/blob_codec.h"
#include "io/store/schema.h"
#include "io/store/sqlite_file.h"
#include "tests/io/store/store_testing.h"

#include <QCryptographicHash>
#include <QTemporaryDir>
#include <QTest>

#include <map>

using namespace limn;
using namespace limn::testing;

namespace {

Migration migrationOf(int version, int oldestReader, std::vector<std::string> statements) {
    return {version, "step " + std::to_string(version), oldestReader,
            [statements](SqlDialect) { return statements; }};
}

bool hasTable(SqlConnection& connection, const char* name) {
    QSqlQuery query =
        take(connection.run(tableExistsQuery(connection.dialect()), {QString::fromLatin1(name)}));
    return query.next();
}

} // namespace

class TestSchema : public QObject {
    Q_OBJECT
private:
    const std::vector<Migration> m_one = {migrationOf(1, 1, {"CREATE TABLE first (id {id})"})};
    const std::vector<Migration> m_two = {m_one[0],
                                          migrationOf(2, 1, {"CREATE TABLE second (id {id}, data {blob})"})};

private Q_SLOTS:
    void freshGetsEverything() {
        const auto connection = take(openSqliteInMemory());
        QCOMPARE(take(schemaState(*connection)).version, 0);
        QVERIFY(schemaFit(take(schemaState(*connection)), m_two) == SchemaFit::Empty);
        take(migrate(*connection, m_two, 5));
        QCOMPARE(take(schemaState(*connection)).version, 2);
        QCOMPARE(take(schemaState(*connection)).oldestReader, 1);
        QVERIFY(hasTable(*connection, "first") && hasTable(*connection, "second"));
    }

    void olderGetsTheRestAndKeepsItsRows() {
        const auto connection = take(openSqliteInMemory());
        take(migrate(*connection, m_one, 5));
        (void)take(connection->run("INSERT INTO first (id) VALUES (7)"));
        QVERIFY(schemaFit(take(schemaState(*connection)), m_two) == SchemaFit::Older);
        take(migrate(*connection, m_two, 6));
        QSqlQuery query = take(connection->run("SELECT id FROM first"));
        QVERIFY(query.next());
        QCOMPARE(query.value(0).toInt(), 7);
    }

    void currentIsLeftAlone() {
        const auto connection = take(openSqliteInMemory());
        take(migrate(*connection, m_two, 5));
        take(migrate(*connection, m_two, 6));
        QVERIFY(schemaFit(take(schemaState(*connection)), m_two) == SchemaFit::Current);
        QSqlQuery query = take(connection->run("SELECT applied_ms FROM schema_versions ORDER BY version"));
        QVERIFY(query.next());
        QCOMPARE(query.value(0).toInt(), 5);
    }

    void newerIsReadableWhenItSaysSo() {
        const auto connection = take(openSqliteInMemory());
        take(migrate(*connection, m_two, 5));
        QVERIFY(schemaFit(take(schemaState(*connection)), m_one) == SchemaFit::NewerReadable);
        std::vector<Migration> three = m_two;
        three.push_back(migrationOf(3, 3, {"CREATE TABLE third (id {id})"}));
        take(migrate(*connection, three, 6));
        QVERIFY(schemaFit(take(schemaState(*connection)), m_one) == SchemaFit::NewerRefused);
    }

    void failingHalfwayLeavesTheVersionBefore() {
        const auto connection = take(openSqliteInMemory());
        std::vector<Migration> broken = m_one;
        broken.push_back(migrationOf(2, 2, {"CREATE TABLE second (id {id})", "THIS IS NO SQL"}));
        const Result<void> failed = migrate(*connection, broken, 5);
        QVERIFY(!failed);
        QCOMPARE(take(schemaState(*connection)).version, 1);
        QVERIFY(hasTable(*connection, "first") && !hasTable(*connection, "second"));
        take(migrate(*connection, m_two, 6));
        QCOMPARE(take(schemaState(*connection)).version, 2);
    }

    void realMigrationsAreNumberedInOrderAndMakeAllTables() {
        int expected = 1;
        for (const Migration& migration : storeMigrations()) {
            QCOMPARE(migration.version, expected++);
            QVERIFY(migration.oldestReader >= 1 && migration.oldestReader <= migration.version);
            QVERIFY(!migration.description.empty());
        }
        const auto connection = take(openSqliteInMemory());
        take(migrate(*connection, storeMigrations(), 5));
        for (const char* table : storeTables())
            QVERIFY2(hasTable(*connection, table), table);
    }

    // What was released never changes: a change is a migration of its own. Programs in people's hands made
    // their files with exactly these statements.
    void releasedMigrationsStayAsTheyWere() {
        const std::map<int, QByteArray> released = {
            {1, "1381b3bb98d886e54f2acaea930578181510a5270dd4436a66fdbea5c5b46d02"},
        };
        for (const auto& [version, hash] : released) {
            const Migration& migration = storeMigrations()[static_cast<std::size_t>(version) - 1];
            QCryptographicHash all(QCryptographicHash::Sha256);
            for (const std::string& statement : migration.statements(SqlDialect::Sqlite))
                all.addData(QByteArray::fromStdString(inDialect(SqlDialect::Sqlite, statement) + "\n"));
            QCOMPARE(all.result().toHex(), hash);
        }
        QCOMPARE(storeMigrations().size(), released.size());
    }

    // A file of each released version, with a row in every table, opens as it is today, and keeps its rows.
    void filesOfEveryReleasedVersionAreBroughtUpToDate() {
        QTemporaryDir dir;
        for (std::size_t version = 1; version <= storeMigrations().size(); ++version) {
            const std::string path = dir.filePath(QStringLiteral("v%1.limn").arg(version)).toStdString();
            {
                const auto old = take(openSqliteFile(path, SqliteMode::Write, 100));
                take(migrate(*old, storeMigrations().first(version), 5));
                const char* const rows[] = {
                    "INSERT INTO people (id, name) VALUES (3, 'Ana')",
                    "INSERT INTO settings (name, value) VALUES ('image-folder', '/pictures')",
                    "INSERT INTO images (id, path, width, height, state) VALUES (7, 'a.png', 16, 16, 3)",
                    "INSERT INTO annotations (id, image_id, person_id, version, revision, width, height, "
                    "tile_size, has_provenance, label_table, provenance, threshold, no_lesion, saved_ms) "
                    "VALUES (9, 7, 3, 0, 4, 16, 16, 16, 0, '[]', '[]', 0.5, 0, 1000)",
                    "INSERT INTO kept_versions (annotation_id, revision, kept_by, what, kept_ms, width, "
                    "height, tile_size, has_provenance, label_table, provenance, threshold, no_lesion) "
                    "VALUES (9, 2, 3, 'submitted', 900, 16, 16, 16, 0, '[]', '[]', 0.5, 0)",
                    "INSERT INTO label_sets (id, name) VALUES (1, 'project')",
                    "INSERT INTO labels VALUES (1, 0, 1, 'Lesion', 255, '', '', '', 0, 1)",
                    "INSERT INTO calibrations (image_id, camera, spacing_x_mm, spacing_y_mm, source, "
                    "person_id, made_ms) VALUES (7, '', 0.1, 0.1, 'Ana', 3, 800)",
                    "INSERT INTO history (time_ms, person_id, image_id, what, from_text, to_text, note) "
                    "VALUES (700, 3, 7, 'state', 'in-progress', 'submitted', '')",
                };
                for (const char* row : rows)
                    (void)take(old->run(row));
                (void)take(old->run("INSERT INTO tiles VALUES (9, 0, 0, ?)",
                                    {packBytes(std::vector<std::uint8_t>(256, 1))}));
            }
            const auto store = take(ProjectStore::open(path, {}));
            QVERIFY(store->access() == StoreAccess::ReadWrite);
            QVERIFY(!store->recovery());
            const std::vector<ImageRecord> images = take(store->images());
            QCOMPARE(images.size(), std::size_t{1});
            QVERIFY(images[0].state == ReviewState::Submitted);
            const StoredAnnotationPtr annotation = take(store->annotation(7, 3));
            QVERIFY(annotation && annotation->revision == 4);
            QVERIFY(labelMapFromTiles(annotation->labels) == LabelMap({16, 16}, 1));
            QCOMPARE(take(store->keptVersions(7)).size(), std::size_t{1});
            QCOMPARE(take(store->labelSets())[0].labels[0].name, std::string("Lesion"));
            QVERIFY(take(store->calibration(7, "")));
            QCOMPARE(take(store->history(7, 10)).size(), std::size_t{1});
            QCOMPARE(*take(store->setting("image-folder")), std::string("/pictures"));
            QVERIFY(take(store->verify()).empty());
        }
    }

    void historyRefusesChanges() {
        const auto connection = take(openSqliteInMemory());
        take(migrate(*connection, storeMigrations(), 5));
        (void)take(
            connection->run("INSERT INTO history (time_ms, person_id, image_id, what, from_text, to_text, "
                            "note) VALUES (1, 0, 0, 'state', 'new', 'accepted', '')"));
        for (const char* statement : {"UPDATE history SET what = 'x'", "DELETE FROM history"}) {
            const Result<QSqlQuery> ran = connection->run(statement);
            QVERIFY(!ran);
            QVERIFY(ran.error().message().find("append-only") != std::string::npos);
        }
    }
};

QTEST_GUILESS_MAIN(TestSchema)
#include "tst_schema.moc"
