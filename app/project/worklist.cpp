// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/worklist.h"

#include <QString>

#include <algorithm>
#include <functional>
#include <numeric>
#include <thread>

namespace limn {

namespace {

constexpr std::size_t kWorthAThread = 5000;

std::string folded(const std::string& text) {
    const bool ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!ascii)
        return QString::fromStdString(text).toCaseFolded().toStdString();
    std::string lower = text;
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

// A text whose plain byte order is the natural order: before a run of digits (without leading zeros) stands
// its length, so that "img2" sorts before "img10".
std::string naturalKey(const std::string& text) {
    std::string key;
    key.reserve(text.size() + 8);
    for (std::size_t i = 0; i < text.size();) {
        if (!isDigit(text[i])) {
            key += text[i++];
            continue;
        }
        while (i + 1 < text.size() && text[i] == '0' && isDigit(text[i + 1]))
            ++i;
        std::size_t end = i;
        while (end < text.size() && isDigit(text[end]))
            ++end;
        key += '0';
        key += static_cast<char>(std::min<std::size_t>(end - i, 255));
        key.append(text, i, end - i);
        i = end;
    }
    return key;
}

std::vector<std::string> wordsOf(const std::string& text) {
    std::vector<std::string> words;
    const std::string lower = folded(text);
    for (std::size_t i = 0; i < lower.size();) {
        const std::size_t begin = lower.find_first_not_of(" \t", i);
        if (begin == std::string::npos)
            break;
        const std::size_t end = std::min(lower.find_first_of(" \t", begin), lower.size());
        words.push_back(lower.substr(begin, end - begin));
        i = end;
    }
    return words;
}

class Test {
public:
    explicit Test(const WorklistFilter& filter) : m_filter(filter), m_words(wordsOf(filter.text)) {
        for (ReviewState state : filter.states)
            m_states[static_cast<std::size_t>(state)] = true;
        if (filter.states.empty())
            m_states.fill(true);
    }

    bool passes(const ImageRecord& record, const std::string& foldedPath) const {
        if (!m_states[static_cast<std::size_t>(record.state)])
            return false;
        if (m_filter.flagged && *m_filter.flagged != record.flagged)
            return false;
        if (m_filter.noLesion && *m_filter.noLesion != record.noLesion)
            return false;
        if (m_filter.unusable && *m_filter.unusable != !record.trouble.empty())
            return false;
        if (m_filter.assignee && *m_filter.assignee != record.assignee)
            return false;
        if (m_filter.editor && *m_filter.editor != record.lastEditor)
            return false;
        if (m_filter.mine && record.assignee != *m_filter.mine &&
            (record.assignee != kNobody || record.lastEditor != *m_filter.mine))
            return false;
        if (m_filter.todoOf && !waitsFor(record, *m_filter.todoOf))
            return false;
        return std::all_of(m_words.begin(), m_words.end(), [&](const std::string& word) {
            return foldedPath.find(word) != std::string::npos;
        });
    }

private:
    const WorklistFilter& m_filter;
    std::vector<std::string> m_words;
    std::array<bool, kReviewStates.size()> m_states{};
};

} // namespace

bool sentBack(const ImageRecord& record) {
    return record.state == ReviewState::Rejected && record.lastEditor != kNobody &&
           record.lastEditor != record.rejectedBy;
}

bool waitsFor(const ImageRecord& record, PersonId person) {
    if (!record.trouble.empty())
        return false;
    const bool theirs = record.lastEditor == person && person != kNobody;
    // What came back is the author's, whoever it was assigned to.
    if (record.state == ReviewState::Rejected)
        return theirs && sentBack(record);
    if (record.assignee != kNobody && record.assignee != person)
        return false;
    if (record.state == ReviewState::Submitted)
        return !theirs;
    return record.state != ReviewState::Accepted;
}

std::string naturalSortKey(const std::string& name) {
    return naturalKey(folded(name));
}

void Worklist::reset(std::vector<ImageRecord> records) {
    m_records = std::move(records);
    index();
    ++m_changeNumber;
}

void Worklist::index() {
    const auto inOrder = [](const ImageRecord& a, const ImageRecord& b) { return a.position < b.position; };
    if (!std::is_sorted(m_records.begin(), m_records.end(), inOrder))
        std::stable_sort(m_records.begin(), m_records.end(), inOrder);
    m_rows.assign(m_records.size(), {});
    const auto rows = [this] {
        for (std::size_t i = 0; i < m_records.size(); ++i)
            m_rows[i].folded = folded(m_records[i].path);
        rankNames();
    };
    // Names are half of the work: opening a large project does both halves at once.
    std::thread helper;
    if (m_records.size() >= kWorthAThread)
        helper = std::thread(rows);
    else
        rows();
    m_byId.clear();
    m_byId.reserve(m_records.size());
    m_byPath.clear();
    m_byPath.reserve(m_records.size());
    for (std::size_t i = 0; i < m_records.size(); ++i) {
        m_byId[m_records[i].id] = static_cast<std::uint32_t>(i);
        m_byPath.emplace(std::hash<std::string>()(m_records[i].path), static_cast<std::uint32_t>(i));
    }
    if (helper.joinable())
        helper.join();
}

void Worklist::rankNames() const {
    std::vector<std::string> keys(m_rows.size());
    for (std::size_t i = 0; i < m_rows.size(); ++i)
        keys[i] = naturalKey(m_rows[i].folded);
    std::vector<std::uint32_t> order(m_rows.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        const int compared = keys[a].compare(keys[b]);
        return compared != 0 ? compared < 0 : a < b;
    });
    for (std::size_t rank = 0; rank < order.size(); ++rank)
        m_rows[order[rank]].nameRank = static_cast<std::uint32_t>(rank);
    m_ranksAreOld = false;
}

void Worklist::add(std::vector<ImageRecord> records) {
    bool inOrder = true;
    for (ImageRecord& record : records) {
        const std::uint32_t at = static_cast<std::uint32_t>(m_records.size());
        inOrder = inOrder && (m_records.empty() || m_records.back().position <= record.position);
        m_rows.push_back({folded(record.path), 0});
        m_byId[record.id] = at;
        m_byPath.emplace(std::hash<std::string>()(record.path), at);
        m_records.push_back(std::move(record));
    }
    if (!inOrder)
        index();
    else
        m_ranksAreOld = true;
    ++m_changeNumber;
}

void Worklist::remove(std::span<const ImageId> ids) {
    std::vector<bool> gone(m_records.size(), false);
    for (ImageId id : ids) {
        if (const auto found = m_byId.find(id); found != m_byId.end())
            gone[found->second] = true;
    }
    std::vector<ImageRecord> rest;
    rest.reserve(m_records.size());
    for (std::size_t i = 0; i < m_records.size(); ++i) {
        if (!gone[i])
            rest.push_back(std::move(m_records[i]));
    }
    m_records = std::move(rest);
    index();
    ++m_changeNumber;
}

bool Worklist::update(const ImageRecord& record) {
    const auto found = m_byId.find(record.id);
    if (found == m_byId.end())
        return false;
    const std::uint32_t at = found->second;
    if (m_records[at].path != record.path) {
        const auto [first, last] = m_byPath.equal_range(std::hash<std::string>()(m_records[at].path));
        for (auto it = first; it != last; ++it) {
            if (it->second == at) {
                m_byPath.erase(it);
                break;
            }
        }
        m_byPath.emplace(std::hash<std::string>()(record.path), at);
        m_rows[at].folded = folded(record.path);
        m_ranksAreOld = true;
    }
    m_records[at] = record;
    ++m_changeNumber;
    return true;
}

const ImageRecord* Worklist::find(ImageId id) const {
    const auto found = m_byId.find(id);
    return found == m_byId.end() ? nullptr : &m_records[found->second];
}

const ImageRecord* Worklist::findPath(const std::string& path) const {
    const auto [first, last] = m_byPath.equal_range(std::hash<std::string>()(path));
    for (auto it = first; it != last; ++it)
        if (m_records[it->second].path == path)
            return &m_records[it->second];
    return nullptr;
}

std::vector<ImageId> Worklist::select(const WorklistFilter& filter, WorklistOrder order,
                                      bool descending) const {
    if (order == WorklistOrder::Name && m_ranksAreOld)
        rankNames();
    const Test test(filter);
    // Figures are compared as numbers that were looked up once; equal ones stay in project order.
    struct Entry {
        double figure;
        std::uint32_t at;
    };
    const auto figureOf = [&](std::uint32_t at) -> double {
        const ImageRecord& record = m_records[at];
        switch (order) {
        case WorklistOrder::Project:
            return at;
        case WorklistOrder::Name:
            return m_rows[at].nameRank;
        case WorklistOrder::State:
            return static_cast<int>(record.state);
        case WorklistOrder::Uncertainty:
            return record.uncertainty;
        case WorklistOrder::Area:
            return static_cast<double>(record.areaPixels);
        case WorklistOrder::Change:
            return record.change;
        case WorklistOrder::LastEdit:
            return record.lastEditMs > 0 ? static_cast<double>(record.lastEditMs) : -1.0;
        case WorklistOrder::Added:
            return static_cast<double>(record.addedMs);
        }
        return at;
    };
    std::vector<Entry> entries;
    entries.reserve(m_records.size());
    for (std::uint32_t at = 0; at < m_records.size(); ++at) {
        if (test.passes(m_records[at], m_rows[at].folded))
            entries.push_back({figureOf(at), at});
    }
    if (order == WorklistOrder::Project) {
        if (descending)
            std::reverse(entries.begin(), entries.end());
    } else {
        std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
            const bool aKnown = a.figure >= 0.0;
            const bool bKnown = b.figure >= 0.0;
            if (aKnown != bKnown)
                return aKnown;
            if (aKnown && a.figure != b.figure)
                return descending ? a.figure > b.figure : a.figure < b.figure;
            return a.at < b.at;
        });
    }
    std::vector<ImageId> ids;
    ids.reserve(entries.size());
    for (const Entry& entry : entries)
        ids.push_back(m_records[entry.at].id);
    return ids;
}

WorklistCounts Worklist::counts(const WorklistFilter& filter) const {
    const Test test(filter);
    WorklistCounts counts;
    for (std::size_t at = 0; at < m_records.size(); ++at) {
        const ImageRecord& record = m_records[at];
        if (!test.passes(record, m_rows[at].folded))
            continue;
        ++counts.total;
        ++counts.byState[static_cast<std::size_t>(record.state)];
        counts.flagged += record.flagged;
        counts.noLesion += record.noLesion;
        counts.unusable += !record.trouble.empty();
        counts.sentBack += sentBack(record);
    }
    return counts;
}

} // namespace limn
