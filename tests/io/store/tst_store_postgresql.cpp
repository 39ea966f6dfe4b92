// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the schema and every statement of the store run on PostgreSQL as they stand, history is
// append-only there too, and two people who take images at once never get the same one. A cluster of the
// installed server is made in a temporary folder, listening on a socket there alone.
#include "io/store/schema.h"
#include "io/store/sql_project_store.h"
#include "tests/io/store/store_testing.h"

#include <QDir>
#include <QFileInfo>
#include <QProcess>
#include <QSqlDatabase>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr uid_t kServerUser = 65534; // the server refuses to run as root

QString serverFolder() {
    const QDir all(QStringLiteral("/usr/lib/postgresql"));
    for (const QString& version :
         all.entryList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name | QDir::Reversed)) {
        const QString bin = all.filePath(version + QStringLiteral("/bin"));
        if (QFile::exists(bin + QStringLiteral("/pg_ctl")))
            return bin;
    }
    const QString found = QStandardPaths::findExecutable(QStringLiteral("pg_ctl"));
    return found.isEmpty() ? QString() : QFileInfo(found).absolutePath();
}

bool run(const QString& program, const QStringList& arguments, const QString& folder) {
    QProcess process;
    process.setWorkingDirectory(folder);
    process.setChildProcessModifier([] {
        if (::geteuid() == 0 && (::setgid(kServerUser) != 0 || ::setuid(kServerUser) != 0))
            ::_exit(99);
    });
    // The server outlives pg_ctl and would keep a pipe open.
    process.setStandardOutputFile(QProcess::nullDevice());
    process.setStandardErrorFile(QProcess::nullDevice());
    process.start(program, arguments);
    return process.waitForFinished(120000) && process.exitStatus() == QProcess::NormalExit &&
           process.exitCode() == 0;
}

} // namespace

class TestStorePostgresql : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir{QStringLiteral("/tmp/limn-pg-XXXXXX")}; // a socket's path must be short
    QString m_bin;
    QString m_data;
    bool m_started = false;

    std::unique_ptr<SqlConnection> connection() {
        return take(
            SqlConnection::openPostgresql(QStringLiteral("postgres"), m_dir.path(), QStringLiteral("limn")));
    }
    std::unique_ptr<ProjectStore> store() { return take(SqlProjectStore::openConnection(connection(), {})); }

private Q_SLOTS:
    void initTestCase() {
        m_bin = serverFolder();
        QVERIFY2(!m_bin.isEmpty(), "PostgreSQL's server is not installed (package postgresql)");
        QVERIFY2(QSqlDatabase::isDriverAvailable(QStringLiteral("QPSQL")),
                 "Qt's driver for PostgreSQL is not installed (package libqt6sql6-psql)");
        if (::geteuid() == 0)
            QVERIFY(::chown(m_dir.path().toUtf8().constData(), kServerUser, kServerUser) == 0);
        m_data = m_dir.filePath(QStringLiteral("data"));
        QVERIFY(run(m_bin + QStringLiteral("/initdb"),
                    {QStringLiteral("-D"), m_data, QStringLiteral("-A"), QStringLiteral("trust"),
                     QStringLiteral("-U"), QStringLiteral("limn"), QStringLiteral("-E"),
                     QStringLiteral("UTF8"), QStringLiteral("--locale=C"), QStringLiteral("--no-sync")},
                    m_dir.path()));
        m_started = run(m_bin + QStringLiteral("/pg_ctl"),
                        {QStringLiteral("-D"), m_data, QStringLiteral("-w"), QStringLiteral("-o"),
                         QStringLiteral("-k %1 -c listen_addresses='' -c fsync=off").arg(m_dir.path()),
                         QStringLiteral("start")},
                        m_dir.path());
        QVERIFY(m_started);
    }
    void cleanupTestCase() {
        if (m_started)
            QVERIFY(run(m_bin + QStringLiteral("/pg_ctl"),
                        {QStringLiteral("-D"), m_data, QStringLiteral("-m"), QStringLiteral("immediate"),
                         QStringLiteral("-w"), QStringLiteral("stop")},
                        m_dir.path()));
    }

    void theWholeStoreRuns() {
        const auto store = this->store();
        const PersonId ana = take(store->person("Ana"));
        QCOMPARE(take(store->person("Ana")), ana);
        std::vector<ImageRecord> records = imageRecords(4, {600, 600});
        records[1].spacing = Spacing{0.1, 0.2, "TIFF resolution"};
        const std::vector<ImageId> ids = take(store->addImages(records, ana));
        QCOMPARE(take(store->addImages(std::span(records).first(1), ana)), std::vector<ImageId>{0});
        QVERIFY(take(store->images())[1].spacing->yMm == 0.2);

        LabelMap map({600, 600}, 1);
        StoredAnnotation first = annotationOf(ids[0], ana, map);
        first.provenanceMap = tilesFromLabelMap(LabelMap(map.size, 1));
        first.threshold = 0.3;
        first.figures.areaPixels = 77;
        SavedAnnotation saved = take(store->saveAnnotation(first));
        const std::int64_t kept = take(store->keepVersion(saved.id, "submitted", ana));
        first.revision = saved.revision;
        fillRect(map, {520, 10, 20, 20}, 2);
        StoredAnnotation second = annotationOf(ids[0], ana, map, &first.labels);
        second.provenanceMap = first.provenanceMap;
        second.revision = saved.revision;
        saved = take(store->saveAnnotation(second, &first));
        QCOMPARE(saved.tilesWritten, 1);
        QVERIFY(labelMapFromTiles(take(store->annotation(ids[0], ana))->labels) == map);
        QVERIFY(labelMapFromTiles(take(store->keptAnnotation(kept))->labels) == LabelMap({600, 600}, 1));
        QCOMPARE(take(store->keptVersions(ids[0])).size(), std::size_t(1));
        QVERIFY(store->saveAnnotation(first).error().code == ErrorCode::StoreStale);
        QCOMPARE(take(store->saveAsVersion(first)).version, 1);
        QCOMPARE(take(store->image(ids[0]))->areaPixels, std::int64_t(77));

        take(store->setState(ids, ReviewState::Submitted, "", ana));
        take(store->setState(std::span(ids).first(1), ReviewState::Rejected, "Artefact", ana));
        QVERIFY(!store->setState(ids, ReviewState::New, "", ana).ok());
        QCOMPARE(take(store->history(ids[0], 1))[0].note, std::string("Artefact"));
        take(store->setFlag(ids[0], true, "x", ana));
        take(store->assign(ids, ana, ana));
        take(store->moveImage(ids[0], "moved.png", ana));
        take(store->updateFileFacts(records));
        ImageFigures figures;
        figures.change = 3.5;
        take(store->setFigures(ids[0], figures));
        take(store->setLabelSet({"project", second.labelTable}));
        QVERIFY(take(store->labelSets())[0].labels == second.labelTable);
        take(store->setSetting("a", "1"));
        take(store->setSetting("a", "2"));
        QCOMPARE(*take(store->setting("a")), std::string("2"));
        ProposalRecord proposal;
        proposal.key = {"i", "m", "s"};
        proposal.extent = {0, 0, 8, 8};
        proposal.probability = {{8, 8}, std::vector<std::uint16_t>(64, 999)};
        take(store->setProposal(proposal));
        take(store->setProposal(proposal));
        QVERIFY(take(store->proposal(proposal.key))->probability.values == proposal.probability.values);
        const std::int64_t calibration =
            take(store->addCalibration({0, ids[0], "", {0.1, 0.1, "ruler"}, ana, 0}));
        QCOMPARE(take(store->calibration(ids[0], ""))->id, calibration);
        take(store->removeCalibration(calibration, ana));
        QVERIFY(take(store->verify()).empty());
        take(store->pruneProposals(0));
        take(store->removeImages(ids, ana));
        QVERIFY(take(store->allAnnotations()).empty());
        QVERIFY(!take(store->history(ids[0], 100)).empty());
    }

    void historyRefusesChanges() {
        (void)store();
        const auto sql = connection();
        for (const char* statement :
             {"UPDATE history SET what = 'x'", "DELETE FROM history", "TRUNCATE history"}) {
            const Result<QSqlQuery> ran = sql->run(statement);
            QVERIFY2(!ran, statement);
            QVERIFY(ran.error().message().find("append-only") != std::string::npos);
        }
    }

    void rowsThatAnotherTakesAreSkipped() {
        const auto store = this->store();
        const PersonId ben = take(store->person("Ben"));
        std::vector<ImageRecord> records = imageRecords(3, {8, 8});
        for (ImageRecord& record : records)
            record.path = "take/" + record.path;
        const std::vector<ImageId> ids = take(store->addImages(records, ben));
        const auto other = connection();
        SqlTransaction transaction(*other);
        take(transaction.begin());
        {
            QSqlQuery locked =
                take(other->run("SELECT id FROM images WHERE id = ? FOR UPDATE", {number(ids[0])}));
            QVERIFY(locked.next());
        }
        // The other has not decided yet; nobody waits.
        QCOMPARE(take(store->takeNext(ben, 2)), (std::vector<ImageId>{ids[1], ids[2]}));
    }
};

QTEST_GUILESS_MAIN(TestStorePostgresql)
#include "tst_store_postgresql.moc"
