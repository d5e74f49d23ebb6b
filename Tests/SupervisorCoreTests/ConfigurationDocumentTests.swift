import Glibc
import Testing

@testable import SupervisorCore

@Suite struct ConfigurationDocumentTests {
    /// The folder that holds Package.swift, two above this file's.
    private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

    /// With MCP_SUPERVISOR_REWRITE=1 in the environment the file is written instead of compared.
    @Test func `the documented keys are those of the code`() throws {
        let path = "\(Self.root)/docs/configuration.md"
        if unsafe getenv("MCP_SUPERVISOR_REWRITE") != nil { try Self.write(ConfigurationDocument.markdown, to: path) }
        let isCurrent = try Self.read(path) == ConfigurationDocument.markdown
        #expect(isCurrent, "docs/configuration.md is stale; run this test once with MCP_SUPERVISOR_REWRITE=1")
    }

    @Test func `no key is there twice, and every default is acceptable to its key`() throws {
        let paths = ConfigurationKey.all.map(\.path)
        #expect(Set(paths).count == paths.count)
        for key in ConfigurationKey.all {
            if let fallback = key.fallback { _ = try key.kind.parse(text: fallback) }
            #expect(key.meaning.hasSuffix("."), "\(key.path)")
        }
        for change in ConfigurationKey.profiles {
            let key = try #require(ConfigurationKey.all.first { $0.path == change.path })
            _ = try key.kind.parse(text: change.value)
        }
    }

    private static func read(_ path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0, "\(path) cannot be read")
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            text.append(contentsOf: buffer[0..<count])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(descriptor >= 0, "\(path) cannot be written")
        defer { close(descriptor) }
        var bytes = Array(text.utf8)
        let count = unsafe Glibc.write(descriptor, &bytes, bytes.count)
        #expect(count == bytes.count)
    }
}
