// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: which state may follow which, as the header's table says, and names that never change.
#include "io/store/review_state.h"

#include <QTest>

#include <set>
#include <string>
#include <utility>

using namespace limn;

class TestReviewState : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void transitionsAreThoseOfTheHeader() {
        using S = ReviewState;
        const std::set<std::pair<S, S>> allowed = {
            {S::New, S::Proposed},        {S::New, S::InProgress},       {S::New, S::Submitted},
            {S::New, S::Accepted},        {S::New, S::Rejected},         {S::Proposed, S::New},
            {S::Proposed, S::InProgress}, {S::Proposed, S::Submitted},   {S::Proposed, S::Accepted},
            {S::Proposed, S::Rejected},   {S::InProgress, S::Submitted}, {S::InProgress, S::Accepted},
            {S::InProgress, S::Rejected}, {S::InProgress, S::New},       {S::InProgress, S::Proposed},
            {S::Submitted, S::Accepted},  {S::Submitted, S::Rejected},   {S::Submitted, S::InProgress},
            {S::Accepted, S::InProgress}, {S::Accepted, S::Rejected},    {S::Rejected, S::InProgress},
            {S::Rejected, S::Submitted},  {S::Rejected, S::Accepted},    {S::Accepted, S::Submitted},
            {S::Rejected, S::New},        {S::Rejected, S::Proposed}};
        for (S from : kReviewStates) {
            for (S to : kReviewStates)
                QCOMPARE(mayFollow(from, to), allowed.count({from, to}) == 1);
        }
    }

    void namesAndNumbersRoundTrip() {
        std::set<std::string> names;
        for (ReviewState state : kReviewStates) {
            names.insert(std::string(reviewStateName(state)));
            QVERIFY(reviewStateFromName(reviewStateName(state)) == state);
            QVERIFY(reviewStateFromNumber(static_cast<int>(state)) == state);
        }
        QCOMPARE(names.size(), kReviewStates.size());
        QVERIFY(!reviewStateFromName("done"));
        QVERIFY(!reviewStateFromNumber(-1));
        QVERIFY(!reviewStateFromNumber(6));
    }
};

QTEST_APPLESS_MAIN(TestReviewState)
#include "tst_review_state.moc"
