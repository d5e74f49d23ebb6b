import Base
import Testing
import Wire

@testable import WorkerCore

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

func json(_ text: String) throws -> JSONValue { try JSONValue.parse(bytes(text).span) }

extension JSONValue {
    var keys: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.key)
    }

    var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    var int: Int64? {
        guard case .number(let lexeme) = self else { return nil }
        return Int64(lexeme)
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}

/// A machine with a clock that stands still unless it is moved.
struct Harness: ~Copyable {
    static let envelope =
        "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}"

    var machine: ServerState
    var effects: [ServerEffect] = []
    var now = Instant(nanoseconds: 1_000_000_000)

    init(_ databases: [String] = ["sample"], concurrency: Int = 2, waitingMax: Int = 2) {
        var configuration = SQLConfiguration()
        configuration.databases = databases.map { DatabaseConfiguration(name: bytes($0), path: bytes("/nowhere/\($0).db")) }
        configuration.limits.concurrency = concurrency
        configuration.limits.waitingMax = waitingMax
        self.machine = ServerState(configuration)
    }

    // What a test looks at, as copies: a machine itself is not copyable, and the test macros copy what they show.
    var isIdle: Bool { self.machine.isIdle }
    var nextDeadline: Instant? { self.machine.nextDeadline }

    /// Sends one line and returns the lines that come back.
    mutating func send(_ line: String) -> [String] {
        var output: [UInt8] = []
        let line = bytes(line)
        self.machine.lineReceived(
            line.span, at: ByteRange(0, line.count), now: self.now, into: &output, effects: &self.effects)
        return Self.lines(output)
    }

    /// Sends one line that has one answer.
    mutating func ask(_ line: String) throws -> JSONValue {
        let lines = self.send(line)
        try #require(lines.count == 1, "\(lines)")
        return try json(lines[0])
    }

    mutating func initialize(_ revision: String = "2025-11-25") throws {
        _ = try self.ask(
            """
            {"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"\(revision)","capabilities":{},\
            "clientInfo":{"name":"t","version":"1"}}}
            """)
    }

    mutating func modern(_ id: String, _ method: String, _ params: String = "") -> String {
        let own = params.isEmpty ? "" : params + ","
        return "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\",\"params\":{\(own)\(Self.envelope)}}"
    }

    mutating func call(_ id: String, _ tool: String, _ arguments: String) -> String {
        self.modern(id, "tools/call", "\"name\":\"\(tool)\",\"arguments\":\(arguments)")
    }

    /// Keys of the calls that were started, in order.
    var started: [SlotKey] {
        self.effects.compactMap { effect in
            if case .start(let key, _) = effect { key } else { nil }
        }
    }

    mutating func finish(_ key: SlotKey, _ result: String = "{}", failure: ToolFailure? = nil) -> [String] {
        var output: [UInt8] = []
        var report = CallReport()
        report.failure = failure
        self.machine.callFinished(
            key, report, result: bytes(result).span, now: self.now, into: &output, effects: &self.effects)
        return Self.lines(output)
    }

    mutating func tick() -> [String] {
        var output: [UInt8] = []
        self.machine.timerFired(now: self.now, into: &output) { _ in 12 }
        return Self.lines(output)
    }

    static func lines(_ output: [UInt8]) -> [String] {
        precondition(output.isEmpty || output.last == 0x0A)
        return output.split(separator: 0x0A).map { text(Array($0)) }
    }
}

/// The part of JSON Schema that our schemas use.
func violations(_ value: JSONValue, _ schema: JSONValue, at path: String = "$") -> [String] {
    var found: [String] = []
    if case .array(let options)? = schema["anyOf"], !options.contains(where: { violations(value, $0).isEmpty }) {
        found.append("\(path): none of anyOf")
    }
    if let type = schema["type"]?.string, !hasType(value, type) { found.append("\(path): not \(type)") }
    if case .array(let allowed)? = schema["enum"], !allowed.contains(value) { found.append("\(path): not in enum") }
    for required in schema["required"]?.elements ?? [] {
        if let key = required.string, value[key] == nil { found.append("\(path): lacks \(key)") }
    }
    if case .object(let members) = value {
        for member in members {
            if let inner = schema["properties"]?[member.key] {
                found += violations(member.value, inner, at: "\(path).\(member.key)")
            } else if schema["additionalProperties"] == .bool(false) {
                found.append("\(path): extra \(member.key)")
            }
        }
    }
    if case .array(let elements) = value, let inner = schema["items"] {
        for (index, element) in elements.enumerated() { found += violations(element, inner, at: "\(path)[\(index)]") }
    }
    return found
}

private func hasType(_ value: JSONValue, _ type: String) -> Bool {
    switch (value, type) {
    case (.object, "object"), (.array, "array"), (.string, "string"), (.bool, "boolean"), (.null, "null"), (.number, "number"):
        true
    case (.number(let lexeme), "integer"): Int64(lexeme) != nil
    default: false
    }
}
