// SPDX-License-Identifier: GPL-3.0-or-later
// A machine for the part of Python's pickle format that torch.save uses. It builds plain values (tuples,
// dictionaries, descriptions of tensors) out of bytes; a global name is text to it and is never looked up,
// and a call that it does not know leaves an opaque value. Private to inference/plain; any thread.
//
// Opcodes: the comments in CPython's Lib/pickletools.py describe each. Every value that the machine makes is
// charged to a fixed budget, so that no pickle can make memory grow beyond it.
#pragma once

#include "inference/plain/tensor_file.h"

#include <array>
#include <deque>
#include <optional>
#include <unordered_map>

namespace limn {

class PickleMachine {
public:
    enum class Kind : std::uint8_t {
        Plain,    // None, a float, bytes: of no use here
        Integer,  // number; booleans too
        Text,     // number = offset and length, see text()
        Sequence, // index: tuple or list
        Dict,     // index
        Global,   // index: a name such as torch.FloatStorage
        Storage,  // index
        Tensor,   // index
        Opaque,   // index of the global that was called, or kNoName
    };
    struct Value {
        Kind kind = Kind::Plain;
        std::uint32_t index = 0;
        std::int64_t number = 0;
    };
    struct Global {
        std::string_view module;
        std::string_view name;
    };
    struct Storage {
        DType dtype = DType::F32;
        std::string_view key;    // the zip entry data/KEY
        std::uint64_t count = 0; // of numbers
    };
    struct Tensor {
        std::uint32_t storage = 0;
        std::uint8_t dimensions = 0;
        std::int64_t offset = 0; // in numbers, as are the strides
        std::array<std::int64_t, kMaxDimensions> shape{};
        std::array<std::int64_t, kMaxDimensions> stride{};
    };
    using Dict = std::vector<std::pair<Value, Value>>;
    static constexpr std::uint32_t kNoName = UINT32_MAX;

    // The bytes must outlive the machine. What fails is a sentence's part ("its pickle ends too early").
    explicit PickleMachine(std::span<const unsigned char> bytes) : m_bytes(bytes) {}
    std::optional<std::string> run();

    // After a successful run().
    const Value& root() const { return m_stack.back(); }
    std::string_view text(const Value& value) const;
    const Dict& dict(const Value& value) const { return m_dicts[value.index]; }
    const Tensor& tensor(const Value& value) const { return m_tensors[value.index]; }
    const Storage& storage(std::uint32_t index) const { return m_storages[index]; }
    // "module.name", or "an object" for what has none.
    std::string nameOfOpaque(const Value& value) const;

private:
    struct Failure {
        std::string what;
    };

    // Each throws Failure, which run() catches: the machine's depth makes error returns unreadable, and
    // nothing leaves it but run()'s result.
    void step(unsigned char opcode);
    void charge(std::size_t bytes);
    void push(Value value);
    Value pop();
    std::vector<Value> popToMark();
    std::span<const unsigned char> take(std::uint64_t count);
    std::string_view takeLine();
    template<typename T>
    T takeNumber();
    void remember(std::uint32_t index);
    void recall(std::uint32_t index);
    void pushText(std::uint64_t length);
    void pushSequence(std::vector<Value> items);
    void pushTuple(std::size_t count);
    void pushGlobal(std::string_view module, std::string_view name);
    void pushLong(std::uint64_t length);
    void addItems(const std::vector<Value>& keysAndValues);
    void append(const std::vector<Value>& items);
    void loadStorage();
    void reduce();
    Value rebuiltTensor(const std::vector<Value>& arguments);
    std::vector<std::int64_t> integers(const Value& sequence) const;
    bool isText(const Value& value, std::string_view expected) const;

    std::span<const unsigned char> m_bytes;
    std::size_t m_position = 0;
    std::size_t m_spent = 0;
    bool m_stopped = false;
    std::vector<Value> m_stack;
    std::vector<std::size_t> m_marks;
    std::unordered_map<std::uint32_t, Value> m_memo;
    std::deque<std::vector<Value>> m_sequences;
    std::deque<Dict> m_dicts;
    std::deque<Global> m_globals;
    std::deque<Storage> m_storages;
    std::deque<Tensor> m_tensors;
};

} // namespace limn
