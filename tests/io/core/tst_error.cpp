// SPDX-License-Identifier: GPL-3.0-or-later
// Every error code has one name and one sentence, and the sentence carries every argument it was given.
#include "io/core/error.h"
#include "io/core/result.h"

#include <QtTest/QTest>

#include <set>

using namespace limn;

class TestError : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyCodeHasItsOwnNameAndSentence();
    void argumentsAreFilledIn();
    void resultHoldsValueOrError();
};

void TestError::everyCodeHasItsOwnNameAndSentence() {
    std::set<std::string_view> names;
    int expected = 0;
    for (const ErrorCode code : allErrorCodes()) {
        QCOMPARE(static_cast<int>(code), expected++);
        QVERIFY(names.insert(errorCodeName(code)).second);
        const std::string_view sentence = errorTemplate(code);
        QVERIFY(sentence.find("%1") != std::string_view::npos);
        // A sentence ends in a full stop; the list of failures ends in its last failure.
        QVERIFY(sentence.back() == '.' || code == ErrorCode::ListOfFailures);
    }
}

void TestError::argumentsAreFilledIn() {
    const Error error{ErrorCode::FileTooLarge, {"a%2b.png", "65535 x 65535 pixels", "32768 x 32768"}};
    QCOMPARE(error.message(),
             std::string("a%2b.png is too large: it claims 65535 x 65535 pixels, and at most "
                         "32768 x 32768 is allowed."));
    QCOMPARE(Error({ErrorCode::FileNotFound, {}}).message().substr(0, 16), std::string("? does not exist"));
}

void TestError::resultHoldsValueOrError() {
    const Result<int> good = 7;
    QVERIFY(good.ok());
    QCOMPARE(*good, 7);
    const Result<int> bad = Error{ErrorCode::Cancelled, {"The run"}};
    QVERIFY(!bad);
    QCOMPARE(bad.error().message(), std::string("The run was cancelled."));
    QVERIFY(Result<void>().ok());
    QVERIFY(!Result<void>(Error{ErrorCode::FileEmpty, {"x"}}).ok());
}

QTEST_APPLESS_MAIN(TestError)
#include "tst_error.moc"
