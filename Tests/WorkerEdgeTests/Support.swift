import Base
import CSQLite
import Glibc
import Linux
import Testing
import WorkerCore

@testable import WorkerEdge

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The engine is configured once per process, before its first use.
let isEngineReady: Bool = SQLiteLibrary.start(memoryMax: 64 << 20)

/// A directory of its own for one test, removed with everything in it.
final class Scratch {
    let path: String

    /// `name` becomes part of the path.
    init(_ name: String = "worker") throws {
        precondition(isEngineReady)
        self.path = "/tmp/\(name)-\(try Entropy.seed())"
        try Files.makeDirectories(self.path)
    }

    deinit {
        for name in self.files() { try? Files.remove("\(self.path)/\(name)") }
        _ = unsafe rmdir(self.path)
    }

    /// Names of the files, sorted.
    func files() -> [String] {
        guard let directory = unsafe opendir(self.path) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {  // Bound: the files of one test.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func file(_ name: String) -> String { "\(self.path)/\(name)" }

    /// Name and content of every file.
    func contents() throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        for name in self.files() { contents[name] = try Files.read(self.file(name), limit: 64 << 20).bytes }
        return contents
    }

    func restore(_ contents: [String: [UInt8]]) throws {
        for name in self.files() { try Files.remove(self.file(name)) }
        for (name, bytes) in contents { try Files.writeAtomically(self.file(name), bytes.span) }
    }

    /// Makes a database of plain statements.
    func makeDatabase(_ name: String, _ statements: [String]) throws {
        let connection = try SQLiteConnection(creating: bytes(self.file(name)))
        for statement in statements { try connection.run(bytes(statement)) }
    }
}

/// What one text gave on a lane of its own.
struct Attempt {
    let failure: ToolFailure?
    let answer: String
    let rows: Int

    var isRefused: Bool { self.failure != nil }
}

extension SQLConfiguration {
    static func single(_ path: String, access: Access = .all, queryTime: Interval = .seconds(5)) -> SQLConfiguration {
        var configuration = SQLConfiguration()
        configuration.databases = [DatabaseConfiguration(name: bytes("test"), path: bytes(path))]
        configuration.access = access
        configuration.limits.queryTime = queryTime
        return configuration
    }
}

extension Lane {
    func execute(_ query: String, limit: Int = 100) -> Attempt { self.attempt(Self.call(query, limit: limit)) }

    static func call(_ query: String, limit: Int = 100) -> ToolCall {
        var call = ToolCall(tool: .executeQuery, style: ResultStyle(isStructured: true, isModern: false))
        call.query = bytes(query)
        call.limit = limit
        return call
    }

    func queryView(_ name: String, limit: Int = 10) -> Attempt {
        var call = ToolCall(tool: .queryView, style: ResultStyle(isStructured: true, isModern: false))
        call.viewName = bytes(name)
        call.limit = limit
        return self.attempt(call)
    }

    func attempt(_ call: ToolCall) -> Attempt {
        self.begin()
        return self.continued(call)
    }

    /// After `begin`.
    func continued(_ call: ToolCall) -> Attempt {
        self.run(call)
        return Attempt(failure: self.report.failure, answer: text(self.result), rows: self.report.rows)
    }
}
