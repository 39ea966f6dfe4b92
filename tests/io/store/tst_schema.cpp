// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: migrations bring a fresh and an older store up to date, leave a current one alone, tell a newer
// one that may be read from one that may not, and a failing migration leaves the version before it.
// Migrations are made up here, except for one look at the real ones.
#include "io/store/schema.h"
#include "io/store/sqlite_file.h"
#include "tests/io/store/store_testing.h"

#include <QTest>

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
