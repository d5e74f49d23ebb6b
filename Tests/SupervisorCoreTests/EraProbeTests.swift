import Base
import MCP
import Testing
import Wire

@testable import SupervisorCore

/// The verdicts of probes: what shows a modern server, what does not, and how far a verdict is believed.
@Suite struct EraProbeTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func asking(startTimeout: Interval = .seconds(30)) -> EraProbe {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: startTimeout))
        _ = probe.processStarting(wallSeconds: 0)
        _ = probe.asked(at: Self.start)
        return probe
    }

    private static func reaction(_ answer: String) throws -> EraProbe.Reaction {
        let bytes = [UInt8](#"{"jsonrpc":"2.0","id":0,\#(answer)}"#.utf8)
        var scanner = JSONRPCScanner()
        let envelope = try scanner.scan(bytes.span)
        return EraProbe.Reaction(envelope, scanner.members, bytes.span)
    }

    // MARK: Reactions

    @Test(arguments: [
        (#""result":{"supportedVersions":["2026-07-28"],"capabilities":{}}"#, EraProbe.Reaction.discovered),
        (#""result":{"supportedVersions":["2099-01-01","2026-07-28"]}"#, .discovered),
        (#""result":{"supportedVersions":["2025-11-25"]}"#, .refused),
        (#""result":{"supportedVersions":["2099-01-01"]}"#, .refused),
        (#""result":{"supportedVersions":"2026"}"#, .refused),
        (#""result":{}"#, .refused),
        (#""error":{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}"#, .unsupported(.ours)),
        (#""error":{"code":-32022,"message":"no","data":{"supported":["2025-11-25"]}}"#, .unsupported(.legacyOnly)),
        (#""error":{"code":-32022,"message":"no","data":{"supported":["2099-01-01"]}}"#, .unsupported(.unknown)),
        (#""error":{"code":-32022,"message":"no","data":{"supported":"2026-07-28"}}"#, .refused),
        (#""error":{"code":-32022,"message":"no"}"#, .refused),
        (#""error":{"code":-32601,"message":"no","data":{"supported":["2026-07-28"]}}"#, .refused),
        (#""error":{"code":-32001,"message":"no"}"#, .refused),
        (#""error":{"code":-32020,"message":"no"}"#, .refused),
        (#""error":{"code":-32021,"message":"no"}"#, .refused),
        (#""error":{"code":-32600,"message":"no"}"#, .refused),
        (#""error":"no""#, .refused),
    ])
    func `only a modern revision by name is evidence`(answer: String, expected: EraProbe.Reaction) throws {
        #expect(try Self.reaction(answer) == expected)
    }

    @Test(arguments: [
        (EraProbe.Reaction.discovered, EraProbe.OnReaction.adopt, Revision.Era.modern),
        (.unsupported(.unknown), .replace(.modern), .modern),
        (.unsupported(.legacyOnly), .replace(.legacy), .legacy),
        (.refused, .replace(.legacy), .legacy),
        (.ended, .replace(.legacy), .legacy),
        (.silent, .replace(.legacy), .legacy),
    ])
    func `each reaction has its verdict`(reaction: EraProbe.Reaction, decision: EraProbe.OnReaction, era: Revision.Era) {
        var probe = Self.asking()
        #expect(probe.reacted(reaction) == decision)
        #expect(probe.state == .known(era, .probed) && probe.era == era)
    }

    @Test func `a server that supports what it refuses is asked once more`() {
        var probe = Self.asking()
        #expect(probe.reacted(.unsupported(.ours)) == .askAgain)
        #expect(probe.era == nil)
        _ = probe.asked(at: Self.start)
        #expect(probe.reacted(.unsupported(.ours)) == .replace(.modern))
    }

    // MARK: Time

    @Test func `the clock of a slow starter starts with its first byte`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        #expect(probe.asked(at: Self.start) == Self.start + .seconds(10))
        #expect(probe.spoke(at: Self.start + .seconds(9)) == Self.start + .seconds(12))
        #expect(probe.spoke(at: Self.start + .seconds(11)) == nil)
    }

    @Test func `an early first byte shortens nothing`() {
        var probe = Self.asking()
        #expect(probe.spoke(at: Self.start + .seconds(1)) == nil)
    }

    @Test func `a probe leaves half of a short start to the worker`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(4)))
        #expect(probe.asked(at: Self.start) == Self.start + .seconds(2))
    }

    // MARK: Belief

    @Test func `what is configured is never asked, refuted or remembered`() {
        var probe = EraProbe(configured: .legacy, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.modern, until: .max)
        #expect(!probe.processStarting(wallSeconds: .max) && probe.era == .legacy)
        #expect(probe.refuted(hasAnswered: true) == .believe)
        #expect(probe.confirmed(until: 5) == .none)
    }

    @Test func `what is remembered is believed until it expires`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.modern, until: 100)
        #expect(!probe.processStarting(wallSeconds: 99) && probe.era == .modern)
        #expect(probe.confirmed(until: 500) == .none, "the disk has it")
        #expect(probe.processStarting(wallSeconds: 100) && probe.era == nil)
    }

    @Test func `a verdict is remembered when a handshake has shown it right`() {
        var probe = Self.asking()
        _ = probe.reacted(.ended)
        #expect(!probe.processStarting(wallSeconds: .max))
        #expect(probe.confirmed(until: 100) == .remember(.legacy))
        #expect(probe.confirmed(until: 200) == .none)
        #expect(!probe.processStarting(wallSeconds: 99))
        #expect(probe.processStarting(wallSeconds: 100))
    }

    @Test(arguments: [true, false])
    func `an old verdict is dropped once, and again only after a handshake`(hasAnswered: Bool) {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.legacy, until: .max)
        #expect(probe.refuted(hasAnswered: hasAnswered) == .probeAgain)
        #expect(probe.state == .unknown)
        _ = probe.asked(at: Self.start)
        _ = probe.reacted(.silent)
        #expect(probe.refuted(hasAnswered: true) == .believe)
        _ = probe.confirmed(until: 100)
        #expect(probe.refuted(hasAnswered: true) == .probeAgain)
    }

    @Test func `a fresh verdict is only dropped for an answer`() {
        var probe = Self.asking()
        _ = probe.reacted(.silent)
        #expect(probe.refuted(hasAnswered: false) == .believe)
        #expect(probe.refuted(hasAnswered: true) == .probeAgain)
    }

    @Test func `a probe that could not be started leaves nothing known`() {
        var probe = Self.asking()
        probe.abandoned()
        #expect(probe.state == .unknown && probe.processStarting(wallSeconds: 0))
    }

    @Test func `a server of the same program takes over what is known, but no probe`() {
        var probe = Self.asking()
        #expect(probe.copy.state == .unknown)
        _ = probe.reacted(.discovered)
        #expect(probe.copy == probe)
    }
}
