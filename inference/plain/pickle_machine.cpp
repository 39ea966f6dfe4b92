// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/pickle_machine.h"

#include "inference/plain/byte_source.h"

#include <algorithm>
#include <cstring>

namespace limn {

namespace {

// The largest known training state (depths 2,2,27,2 with its optimiser) spends about 3 MB.
constexpr std::size_t kBudgetBytes = 16u << 20;
constexpr std::size_t kMaxStack = 65536; // Python's pickler hands over at most 1000 items at a time
constexpr std::size_t kMaxMarks = 1024;
constexpr std::size_t kMaxGlobalBytes = 256;

enum Opcode : unsigned char {
    kMark = '(',
    kStop = '.',
    kPop = '0',
    kPopMark = '1',
    kDup = '2',
    kBinFloat = 'G',
    kBinInt = 'J',
    kBinInt1 = 'K',
    kBinInt2 = 'M',
    kNoneValue = 'N',
    kBinPersId = 'Q',
    kReduce = 'R',
    kBinString = 'T',
    kShortBinString = 'U',
    kBinUnicode = 'X',
    kBinBytes = 'B',
    kShortBinBytes = 'C',
    kAppend = 'a',
    kBuild = 'b',
    kGlobal = 'c',
    kEmptyDict = '}',
    kAppends = 'e',
    kBinGet = 'h',
    kLongBinGet = 'j',
    kEmptyList = ']',
    kBinPut = 'q',
    kLongBinPut = 'r',
    kSetItem = 's',
    kTuple = 't',
    kEmptyTuple = ')',
    kSetItems = 'u',
    kProto = 0x80,
    kNewObj = 0x81,
    kTuple1 = 0x85,
    kTuple2 = 0x86,
    kTuple3 = 0x87,
    kNewTrue = 0x88,
    kNewFalse = 0x89,
    kLong1 = 0x8a,
    kShortBinUnicode = 0x8c,
    kEmptySet = 0x8f,
    kAddItems = 0x90,
    kFrozenSet = 0x91,
    kStackGlobal = 0x93,
    kMemoize = 0x94,
    kFrame = 0x95,
};

struct StorageName {
    std::string_view name;
    DType dtype;
};
constexpr std::array kStorageNames = {
    StorageName{"DoubleStorage", DType::F64}, StorageName{"FloatStorage", DType::F32},
    StorageName{"HalfStorage", DType::F16},   StorageName{"BFloat16Storage", DType::BF16},
    StorageName{"LongStorage", DType::I64},   StorageName{"IntStorage", DType::I32},
    StorageName{"ShortStorage", DType::I16},  StorageName{"CharStorage", DType::I8},
    StorageName{"ByteStorage", DType::U8},    StorageName{"BoolStorage", DType::Bool},
};

// Names that only a file which wants to run something asks for. They would stay opaque like any other; but a
// person should learn what was sent to them.
bool wantsToRun(std::string_view module, std::string_view name) {
    constexpr std::array<std::string_view, 16> kModules = {
        "os",     "posix",  "nt",        "subprocess", "sys",      "runpy", "pty",  "shutil",
        "socket", "ctypes", "importlib", "webbrowser", "commands", "pip",   "code", "multiprocessing"};
    constexpr std::array<std::string_view, 10> kBuiltins = {"eval",       "exec",     "compile", "open",
                                                            "__import__", "execfile", "apply",   "breakpoint",
                                                            "input",      "globals"};
    if (module == "builtins" || module == "__builtin__")
        return std::find(kBuiltins.begin(), kBuiltins.end(), name) != kBuiltins.end();
    const std::string_view top = module.substr(0, module.find('.'));
    return std::find(kModules.begin(), kModules.end(), top) != kModules.end();
}

} // namespace

std::optional<std::string> PickleMachine::run() {
    try {
        while (!m_stopped)
            step(take(1)[0]);
    } catch (const Failure& failure) {
        return failure.what;
    }
    return std::nullopt;
}

std::string_view PickleMachine::text(const Value& value) const {
    const auto offset = static_cast<std::uint64_t>(value.number);
    return {reinterpret_cast<const char*>(m_bytes.data()) + offset, value.index};
}

std::string PickleMachine::nameOfOpaque(const Value& value) const {
    if ((value.kind != Kind::Opaque && value.kind != Kind::Global) || value.index == kNoName)
        return "an object";
    const Global& global = m_globals[value.index];
    return std::string(global.module) + "." + std::string(global.name);
}

void PickleMachine::step(unsigned char opcode) {
    switch (opcode) {
    case kProto:
        if (takeNumber<std::uint8_t>() > 5)
            throw Failure{"its pickle is of an unknown protocol"};
        break;
    case kFrame:
        take(8);
        break;
    case kStop:
        if (m_stack.empty())
            throw Failure{"its pickle holds nothing"};
        m_stopped = true;
        break;
    case kMark:
        if (m_marks.size() == kMaxMarks)
            throw Failure{"its pickle is nested too deeply"};
        m_marks.push_back(m_stack.size());
        break;
    case kPop:
        pop();
        break;
    case kPopMark:
        popToMark();
        break;
    case kDup: {
        const Value top = pop();
        push(top);
        push(top);
        break;
    }
    case kNoneValue:
        push({});
        break;
    case kNewTrue:
    case kNewFalse:
        push({Kind::Integer, 0, opcode == kNewTrue});
        break;
    case kBinInt:
        push({Kind::Integer, 0, takeNumber<std::int32_t>()});
        break;
    case kBinInt1:
        push({Kind::Integer, 0, takeNumber<std::uint8_t>()});
        break;
    case kBinInt2:
        push({Kind::Integer, 0, takeNumber<std::uint16_t>()});
        break;
    case kLong1:
        pushLong(takeNumber<std::uint8_t>());
        break;
    case kBinFloat:
        take(8);
        push({});
        break;
    case kBinUnicode:
    case kBinString:
        pushText(takeNumber<std::uint32_t>());
        break;
    case kShortBinUnicode:
    case kShortBinString:
        pushText(takeNumber<std::uint8_t>());
        break;
    case kBinBytes:
        take(takeNumber<std::uint32_t>());
        push({});
        break;
    case kShortBinBytes:
        take(takeNumber<std::uint8_t>());
        push({});
        break;
    case kEmptyTuple:
    case kEmptyList:
        pushSequence({});
        break;
    case kTuple:
        pushSequence(popToMark());
        break;
    case kTuple1:
    case kTuple2:
    case kTuple3:
        pushTuple(opcode - kTuple1 + 1u);
        break;
    case kEmptyDict:
        charge(sizeof(Dict));
        m_dicts.emplace_back();
        push({Kind::Dict, static_cast<std::uint32_t>(m_dicts.size() - 1), 0});
        break;
    case kEmptySet:
        push({Kind::Opaque, PickleMachine::kNoName, 0});
        break;
    case kFrozenSet:
        popToMark();
        push({Kind::Opaque, PickleMachine::kNoName, 0});
        break;
    case kAddItems:
        popToMark();
        break;
    case kSetItem: {
        const Value value = pop();
        const Value key = pop();
        addItems({key, value});
        break;
    }
    case kSetItems:
        addItems(popToMark());
        break;
    case kAppend: {
        const Value item = pop();
        append({item});
        break;
    }
    case kAppends:
        append(popToMark());
        break;
    case kBinPut:
        remember(takeNumber<std::uint8_t>());
        break;
    case kLongBinPut:
        remember(takeNumber<std::uint32_t>());
        break;
    case kMemoize:
        remember(static_cast<std::uint32_t>(m_memo.size()));
        break;
    case kBinGet:
        recall(takeNumber<std::uint8_t>());
        break;
    case kLongBinGet:
        recall(takeNumber<std::uint32_t>());
        break;
    case kGlobal: {
        const std::string_view module = takeLine();
        const std::string_view name = takeLine();
        pushGlobal(module, name);
        break;
    }
    case kStackGlobal: {
        const Value name = pop();
        const Value module = pop();
        if (name.kind != Kind::Text || module.kind != Kind::Text)
            throw Failure{"a global name in its pickle is no text"};
        pushGlobal(text(module), text(name));
        break;
    }
    case kBinPersId:
        loadStorage();
        break;
    case kReduce:
        reduce();
        break;
    case kNewObj: {
        pop();
        const Value type = pop();
        push({Kind::Opaque, type.kind == Kind::Global ? type.index : PickleMachine::kNoName, 0});
        break;
    }
    case kBuild: // attributes for the object below: of no use here
        pop();
        push(pop());
        break;
    default:
        throw Failure{"its pickle has the instruction " + std::to_string(opcode) + " at byte " +
                      std::to_string(m_position - 1) + ", which files of weights do not use"};
    }
}

void PickleMachine::charge(std::size_t bytes) {
    m_spent += bytes;
    if (m_spent > kBudgetBytes)
        throw Failure{"its pickle builds far more objects than a file of weights needs"};
}

void PickleMachine::push(Value value) {
    if (m_stack.size() == kMaxStack)
        throw Failure{"its pickle piles up more values than any writer does"};
    m_stack.push_back(value);
}

PickleMachine::Value PickleMachine::pop() {
    if (m_stack.size() <= (m_marks.empty() ? 0 : m_marks.back()))
        throw Failure{"its pickle takes a value that is not there"};
    const Value value = m_stack.back();
    m_stack.pop_back();
    return value;
}

std::vector<PickleMachine::Value> PickleMachine::popToMark() {
    if (m_marks.empty())
        throw Failure{"its pickle ends a group that was not begun"};
    const auto begin = m_stack.begin() + static_cast<std::ptrdiff_t>(m_marks.back());
    std::vector<Value> values(begin, m_stack.end());
    m_stack.erase(begin, m_stack.end());
    m_marks.pop_back();
    return values;
}

std::span<const unsigned char> PickleMachine::take(std::uint64_t count) {
    if (count > m_bytes.size() - m_position)
        throw Failure{"its pickle ends too early"};
    const std::span<const unsigned char> taken = m_bytes.subspan(m_position, count);
    m_position += count;
    return taken;
}

std::string_view PickleMachine::takeLine() {
    const auto rest = m_bytes.subspan(m_position, std::min(m_bytes.size() - m_position, kMaxGlobalBytes));
    const auto end = std::find(rest.begin(), rest.end(), static_cast<unsigned char>('\n'));
    if (end == rest.end())
        throw Failure{"a global name in its pickle does not end"};
    const auto length = static_cast<std::size_t>(end - rest.begin());
    m_position += length + 1;
    return {reinterpret_cast<const char*>(rest.data()), length};
}

template<typename T>
T PickleMachine::takeNumber() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
}

void PickleMachine::remember(std::uint32_t index) {
    const Value value = pop();
    push(value);
    charge(64); // a node of the map, with its share of buckets
    m_memo[index] = value;
}

void PickleMachine::recall(std::uint32_t index) {
    const auto found = m_memo.find(index);
    if (found == m_memo.end())
        throw Failure{"its pickle refers to a value that it never stored"};
    push(found->second);
}

void PickleMachine::pushText(std::uint64_t length) {
    const std::size_t offset = m_position;
    take(length);
    push({Kind::Text, static_cast<std::uint32_t>(length), static_cast<std::int64_t>(offset)});
}

void PickleMachine::pushSequence(std::vector<Value> items) {
    charge(sizeof(items) + 16 + items.size() * sizeof(Value));
    m_sequences.push_back(std::move(items));
    push({Kind::Sequence, static_cast<std::uint32_t>(m_sequences.size() - 1), 0});
}

void PickleMachine::pushTuple(std::size_t count) {
    std::vector<Value> items(count);
    while (count > 0)
        items[--count] = pop();
    pushSequence(std::move(items));
}

void PickleMachine::pushGlobal(std::string_view module, std::string_view name) {
    if (wantsToRun(module, name)) {
        throw Failure{"it asks Python to call " + shownName(std::string(module) + "." + std::string(name)) +
                      ", which no file of weights needs; nothing of it was run"};
    }
    charge(sizeof(Global));
    m_globals.push_back({module, name});
    push({Kind::Global, static_cast<std::uint32_t>(m_globals.size() - 1), 0});
}

void PickleMachine::pushLong(std::uint64_t length) {
    const std::span<const unsigned char> bytes = take(length);
    if (length > 8) {
        push({}); // such as a hash or a random state; no size of a tensor needs it
        return;
    }
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < length; ++i)
        bits |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    if (length > 0 && length < 8 && bytes[length - 1] >= 0x80)
        bits |= ~std::uint64_t(0) << (8 * length);
    push({Kind::Integer, 0, static_cast<std::int64_t>(bits)});
}

void PickleMachine::addItems(const std::vector<Value>& keysAndValues) {
    const Value target = pop();
    push(target);
    if (keysAndValues.size() % 2 != 0)
        throw Failure{"its pickle sets a key without a value"};
    if (target.kind == Kind::Opaque)
        return;
    if (target.kind != Kind::Dict)
        throw Failure{"its pickle sets a key of something that has none"};
    // Three times, for what the growing vector holds while it moves.
    charge(keysAndValues.size() * sizeof(Value) * 3);
    Dict& dict = m_dicts[target.index];
    for (std::size_t i = 0; i < keysAndValues.size(); i += 2)
        dict.emplace_back(keysAndValues[i], keysAndValues[i + 1]);
}

void PickleMachine::append(const std::vector<Value>& items) {
    const Value target = pop();
    push(target);
    if (target.kind == Kind::Opaque)
        return;
    if (target.kind != Kind::Sequence)
        throw Failure{"its pickle appends to something that is no list"};
    charge(items.size() * sizeof(Value) * 3);
    std::vector<Value>& sequence = m_sequences[target.index];
    sequence.insert(sequence.end(), items.begin(), items.end());
}

// ('storage', type, key, location, count); the location ("cuda:0") is of no interest.
void PickleMachine::loadStorage() {
    const Value id = pop();
    if (id.kind != Kind::Sequence || m_sequences[id.index].size() != 5 ||
        !isText(m_sequences[id.index][0], "storage"))
        throw Failure{"its pickle refers to something outside that is no storage"};
    const std::vector<Value>& parts = m_sequences[id.index];
    if (parts[1].kind != Kind::Global || parts[2].kind != Kind::Text || parts[4].kind != Kind::Integer ||
        parts[4].number < 0)
        throw Failure{"a storage in its pickle is described wrongly"};
    const Global& type = m_globals[parts[1].index];
    const auto known = std::find_if(kStorageNames.begin(), kStorageNames.end(),
                                    [&](const StorageName& entry) { return entry.name == type.name; });
    if (type.module != "torch" || known == kStorageNames.end()) {
        push({Kind::Opaque, parts[1].index, 0});
        return;
    }
    charge(sizeof(Storage));
    m_storages.push_back({known->dtype, text(parts[2]), static_cast<std::uint64_t>(parts[4].number)});
    push({Kind::Storage, static_cast<std::uint32_t>(m_storages.size() - 1), 0});
}

void PickleMachine::reduce() {
    const Value arguments = pop();
    const Value callable = pop();
    if (arguments.kind != Kind::Sequence)
        throw Failure{"its pickle calls something without a tuple of arguments"};
    if (callable.kind != Kind::Global) {
        push({Kind::Opaque, PickleMachine::kNoName, 0});
        return;
    }
    const Global& global = m_globals[callable.index];
    const std::vector<Value>& values = m_sequences[arguments.index];
    if (global.module == "collections" && global.name == "OrderedDict" && values.empty()) {
        charge(sizeof(Dict));
        m_dicts.emplace_back();
        push({Kind::Dict, static_cast<std::uint32_t>(m_dicts.size() - 1), 0});
        return;
    }
    if (global.module == "torch._utils") {
        if (global.name == "_rebuild_tensor_v2" || global.name == "_rebuild_tensor") {
            push(rebuiltTensor(values));
            return;
        }
        const bool parameter =
            global.name == "_rebuild_parameter" || global.name == "_rebuild_parameter_with_state";
        if (parameter && !values.empty() && values[0].kind == Kind::Tensor) {
            push(values[0]);
            return;
        }
    }
    push({Kind::Opaque, callable.index, 0});
}

// (storage, offset, shape, stride, ...): what follows says nothing about the numbers.
PickleMachine::Value PickleMachine::rebuiltTensor(const std::vector<Value>& arguments) {
    if (!arguments.empty() && arguments[0].kind == Kind::Opaque)
        return arguments[0]; // a kind of number that is not read here
    if (arguments.size() < 4 || arguments[0].kind != Kind::Storage || arguments[1].kind != Kind::Integer)
        throw Failure{"a tensor in its pickle is described wrongly"};
    const std::vector<std::int64_t> shape = integers(arguments[2]);
    const std::vector<std::int64_t> stride = integers(arguments[3]);
    if (shape.size() != stride.size())
        throw Failure{"a tensor in its pickle has " + std::to_string(shape.size()) + " dimensions and " +
                      std::to_string(stride.size()) + " strides"};
    Tensor tensor;
    tensor.storage = arguments[0].index;
    tensor.offset = arguments[1].number;
    tensor.dimensions = static_cast<std::uint8_t>(shape.size());
    std::copy(shape.begin(), shape.end(), tensor.shape.begin());
    std::copy(stride.begin(), stride.end(), tensor.stride.begin());
    charge(sizeof(Tensor));
    m_tensors.push_back(tensor);
    return {Kind::Tensor, static_cast<std::uint32_t>(m_tensors.size() - 1), 0};
}

std::vector<std::int64_t> PickleMachine::integers(const Value& sequence) const {
    if (sequence.kind != Kind::Sequence)
        throw Failure{"a tensor's shape in its pickle is no tuple"};
    const std::vector<Value>& values = m_sequences[sequence.index];
    if (values.size() > kMaxDimensions)
        throw Failure{"a tensor in its pickle has more than " + std::to_string(kMaxDimensions) +
                      " dimensions"};
    std::vector<std::int64_t> numbers;
    for (const Value& value : values) {
        if (value.kind != Kind::Integer || value.number < 0)
            throw Failure{"a tensor's shape or stride in its pickle is no positive number"};
        numbers.push_back(value.number);
    }
    return numbers;
}

bool PickleMachine::isText(const Value& value, std::string_view expected) const {
    return value.kind == Kind::Text && text(value) == expected;
}

} // namespace limn
