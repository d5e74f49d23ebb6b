import Base
import MCP
import Testing

@Suite struct RevisionTests {
    @Test(arguments: Revision.allCases)
    func `every revision reads its own text`(revision: Revision) {
        #expect(Revision([UInt8](revision.text).span) == revision)
    }

    @Test(arguments: ["", "2025-06-1", "2025-06-18 ", " 2025-06-18", "2025-06-19", "2025/06/18", "v999.0.0", "2026-07-28\0"])
    func `nothing but the exact text is a revision`(text: String) {
        #expect(Revision([UInt8](text.utf8).span) == nil)
    }

    @Test func `older revisions are less`() {
        #expect(Revision.allCases == Revision.allCases.sorted())
        #expect(Revision.v2024_11_05 < .v2025_03_26)
        #expect(Revision.v2026_07_28 > .v2025_11_25)
    }

    @Test func `only the last revision is modern`() {
        #expect(Revision.legacy + Revision.modern == Revision.allCases)
        #expect(Revision.legacy.allSatisfy { $0.era == .legacy })
        #expect(Revision.modern.allSatisfy { $0.era == .modern })
    }

    @Test(arguments: [
        (Revision?.none, Revision.v2025_11_25), (.v2024_11_05, .v2024_11_05), (.v2025_03_26, .v2025_03_26),
        (.v2025_06_18, .v2025_06_18), (.v2025_11_25, .v2025_11_25), (.v2026_07_28, .v2025_11_25),
    ])
    func `a handshake settles on a legacy revision`(asked: Revision?, answered: Revision) {
        #expect(Revision.negotiated(asked: asked) == answered)
    }

    @Test func `batches end with 2025-06-18`() {
        #expect(Revision.allCases.filter(\.allowsBatches) == [.v2024_11_05, .v2025_03_26])
    }
}

@Suite struct LogLevelTests {
    @Test(arguments: LogLevel.allCases)
    func `every level reads its own name`(level: LogLevel) {
        #expect(LogLevel([UInt8](level.text).span) == level)
    }

    @Test func `levels are ordered by severity`() {
        #expect(LogLevel.allCases.sorted() == LogLevel.allCases)
        #expect(LogLevel.debug < .emergency)
        #expect(LogLevel([UInt8]("Warning".utf8).span) == nil)
    }
}
