// SPDX-License-Identifier: GPL-3.0-or-later
// The statements about cached proposals, and the check of everything that is kept as blobs.
#include "io/store/annotation_json.h"
#include "io/store/blob_codec.h"
#include "io/store/sql_project_store.h"

#include <initializer_list>
#include <optional>

namespace limn {

namespace {

// A proposal is never larger than the largest image that is opened.
constexpr std::int64_t kMostPixels = std::int64_t{1} << 31;

bool plausible(Size size) {
    return size.width >= 0 && size.height >= 0 && std::int64_t{size.width} * size.height <= kMostPixels;
}

// The answer, standing on its first row; nothing when it has none.
Result<std::optional<QSqlQuery>> firstRow(SqlConnection& sql, const std::string& statement,
                                          std::initializer_list<QVariant> values) {
    Result<QSqlQuery> query = sql.run(statement, values);
    if (!query)
        return query.error();
    if (query->next())
        return std::optional<QSqlQuery>(std::move(*query));
    if (Result<void> ended = sql.ended(*query); !ended)
        return ended.error();
    return std::optional<QSqlQuery>();
}

} // namespace

Result<std::shared_ptr<const ProposalRecord>> SqlProjectStore::proposal(const ProposalKey& key) {
    Result<std::optional<QSqlQuery>> row =
        firstRow(*m_sql,
                 "SELECT x, y, width, height, probability, network, network_width, network_height, spread, "
                 "model_name, "
                 "device, precision_name, default_threshold, uncertainty, made_ms, model_sha256 FROM "
                 "proposals WHERE image_sha256 = ? AND settings = ? AND (? = '' OR model_sha256 = ?) "
                 "ORDER BY id DESC LIMIT 1",
                 {text(key.imageSha256), text(key.settings), text(key.modelSha256), text(key.modelSha256)});
    if (!row)
        return row.error();
    if (!*row)
        return std::shared_ptr<const ProposalRecord>();
    QSqlQuery& query = **row;
    auto record = std::make_shared<ProposalRecord>();
    record->key = key;
    record->extent = {query.value(0).toInt(), query.value(1).toInt(), query.value(2).toInt(),
                      query.value(3).toInt()};
    const Size extent{record->extent.width, record->extent.height};
    const Size network{query.value(6).toInt(), query.value(7).toInt()};
    // A damaged entry of a cache is no entry.
    if (!plausible(extent) || !plausible(network))
        return std::shared_ptr<const ProposalRecord>();
    auto probability = unpackProbability(query.value(4).toByteArray(), extent);
    if (!probability)
        return std::shared_ptr<const ProposalRecord>();
    record->probability = std::move(*probability);
    if (network.pixels() > 0) {
        auto map = unpackFloats(query.value(5).toByteArray(), network);
        if (!map)
            return std::shared_ptr<const ProposalRecord>();
        record->network = std::move(*map);
        if (!query.isNull(8)) {
            auto spread = unpackFloats(query.value(8).toByteArray(), network);
            if (!spread)
                return std::shared_ptr<const ProposalRecord>();
            record->spread = std::move(*spread);
        }
    }
    record->modelName = query.value(9).toString().toStdString();
    record->device = query.value(10).toString().toStdString();
    record->precision = query.value(11).toString().toStdString();
    record->defaultThreshold = query.value(12).toDouble();
    record->uncertainty = query.value(13).toDouble();
    record->timeMs = query.value(14).toLongLong();
    record->key.modelSha256 = query.value(15).toString().toStdString();
    return std::shared_ptr<const ProposalRecord>(record);
}

Result<std::shared_ptr<const ProposalRecord>>
SqlProjectStore::newestProposal(const std::string& imageSha256, Size size, const std::string& modelSha256) {
    Result<std::optional<QSqlQuery>> row =
        firstRow(*m_sql,
                 "SELECT model_sha256, settings FROM proposals WHERE image_sha256 = ? AND x = 0 AND y = 0 "
                 "AND width = ? AND height = ? "
                 "ORDER BY CASE WHEN model_sha256 = ? THEN 0 ELSE 1 END, made_ms DESC, id DESC LIMIT 1",
                 {text(imageSha256), size.width, size.height, text(modelSha256)});
    if (!row)
        return row.error();
    if (!*row)
        return std::shared_ptr<const ProposalRecord>();
    QSqlQuery& query = **row;
    const ProposalKey key{imageSha256, query.value(0).toString().toStdString(),
                          query.value(1).toString().toStdString()};
    query.finish();
    return proposal(key);
}

Result<void> SqlProjectStore::setProposal(const ProposalRecord& record) {
    const Size extent{record.extent.width, record.extent.height};
    if (!(record.probability.size == extent) || record.probability.values.size() != extent.pixels())
        return Error{ErrorCode::InvalidArgument,
                     {"the size of a proposal",
                      std::to_string(record.probability.size.width) + " x " +
                          std::to_string(record.probability.size.height),
                      std::to_string(extent.width) + " x " + std::to_string(extent.height)}};
    const QByteArray probability = packProbability(record.probability);
    const QByteArray network = packFloats(record.network);
    QVariant spread(QMetaType::fromType<QByteArray>());
    qint64 bytes = probability.size() + network.size();
    if (record.spread) {
        const QByteArray packed = packFloats(*record.spread);
        bytes += packed.size();
        spread = packed;
    }
    return write([&] {
        return run(
            "INSERT INTO proposals (image_sha256, model_sha256, settings, x, y, width, height, probability, "
            "network, "
            "network_width, network_height, spread, model_name, device, precision_name, default_threshold, "
            "uncertainty, made_ms, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (image_sha256, model_sha256, settings) DO UPDATE SET x = excluded.x, y = "
            "excluded.y, "
            "width = excluded.width, height = excluded.height, probability = excluded.probability, "
            "network = excluded.network, network_width = excluded.network_width, "
            "network_height = excluded.network_height, spread = excluded.spread, model_name = "
            "excluded.model_name, "
            "device = excluded.device, precision_name = excluded.precision_name, "
            "default_threshold = excluded.default_threshold, uncertainty = excluded.uncertainty, "
            "made_ms = excluded.made_ms, bytes = excluded.bytes",
            {text(record.key.imageSha256), text(record.key.modelSha256), text(record.key.settings),
             record.extent.x, record.extent.y, record.extent.width, record.extent.height, probability,
             network, record.network.size.width, record.network.size.height, spread, text(record.modelName),
             text(record.device), text(record.precision), record.defaultThreshold, record.uncertainty,
             number(nowMs()), number(bytes)});
    });
}

Result<void> SqlProjectStore::pruneProposals(std::int64_t maxBytes) {
    return write([&]() -> Result<void> {
        Result<QSqlQuery> query = m_sql->run("SELECT id, bytes FROM proposals ORDER BY id DESC");
        if (!query)
            return query.error();
        std::int64_t kept = 0;
        std::int64_t newestToGo = 0;
        while (query->next()) {
            kept += query->value(1).toLongLong();
            if (kept > maxBytes) {
                newestToGo = query->value(0).toLongLong();
                break;
            }
        }
        query->finish();
        return run("DELETE FROM proposals WHERE id <= ?", {number(newestToGo)});
    });
}

Result<std::vector<StoreFinding>> SqlProjectStore::verify(const std::function<bool()>& goOn) {
    std::vector<StoreFinding> findings;
    const auto stopped = [&] { return goOn && !goOn(); };
    const Error cancelled{ErrorCode::Cancelled, {"The check of " + m_path}};
    if (stopped())
        return cancelled;

    if (m_sql->dialect() == SqlDialect::Sqlite) {
        const Result<std::optional<std::string>> hidden = hiddenDamage(*m_sql);
        if (!hidden)
            return hidden.error();
        if (*hidden)
            findings.push_back({0, "The file is damaged: " + **hidden + "."});
    }

    const Result<std::vector<ImageRecord>> all = images();
    if (!all)
        return all.error();
    for (const ImageRecord& record : *all) {
        if (record.state == ReviewState::Rejected && record.reason.empty())
            findings.push_back({record.id, record.path + " is rejected without a reason."});
    }
    const Result<std::vector<AnnotationInfo>> annotations = allAnnotations();
    if (!annotations)
        return annotations.error();
    std::int64_t lastImage = 0;
    for (const AnnotationInfo& info : *annotations) {
        if (stopped())
            return cancelled;
        const Result<StoredAnnotationPtr> read = annotation(info.image, info.person, info.version);
        if (!read) {
            findings.push_back({info.image, read.error().message()});
        } else if (*read && (*read)->noLesion) {
            const LabelMap map = labelMapFromTiles((*read)->labels);
            for (std::uint8_t value : map.labels) {
                if (value != 0) {
                    findings.push_back(
                        {info.image, "An annotation is marked as no lesion but holds labels."});
                    break;
                }
            }
        }
        if (info.image == lastImage)
            continue;
        lastImage = info.image;
        const Result<std::vector<KeptVersion>> kept = keptVersions(info.image);
        if (!kept)
            return kept.error();
        for (const KeptVersion& version : *kept) {
            if (const Result<StoredAnnotationPtr> old = keptAnnotation(version.id); !old)
                findings.push_back({info.image, old.error().message()});
        }
    }

    std::vector<ProposalKey> keys;
    {
        Result<QSqlQuery> query =
            m_sql->run("SELECT image_sha256, model_sha256, settings FROM proposals ORDER BY id");
        if (!query)
            return query.error();
        while (query->next())
            keys.push_back({query->value(0).toString().toStdString(),
                            query->value(1).toString().toStdString(),
                            query->value(2).toString().toStdString()});
        if (Result<void> ended = m_sql->ended(*query); !ended)
            return ended.error();
    }
    for (const ProposalKey& key : keys) {
        if (stopped())
            return cancelled;
        const Result<std::shared_ptr<const ProposalRecord>> read = proposal(key);
        if (!read)
            return read.error();
        if (!*read)
            findings.push_back(
                {0, "A cached proposal is damaged; it will be computed again when it is needed."});
    }
    return findings;
}

} // namespace limn
