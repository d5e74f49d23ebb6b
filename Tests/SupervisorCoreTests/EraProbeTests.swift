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
        let outcome1 = probe.reacted(reaction)
        #expect(outcome1 == decision)
        #expect(probe.state == .known(era, .probed) && probe.era == era)
    }

    @Test func `a server that supports what it refuses is asked once more`() {
        var probe = Self.asking()
        let outcome2 = probe.reacted(.unsupported(.ours))
        #expect(outcome2 == .askAgain)
        #expect(probe.era == nil)
        _ = probe.asked(at: Self.start)
        let outcome3 = probe.reacted(.unsupported(.ours))
        #expect(outcome3 == .replace(.modern))
    }

    // MARK: Time

    @Test func `the clock of a slow starter starts with its first byte`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        let outcome4 = probe.asked(at: Self.start)
        #expect(outcome4 == Self.start + .seconds(10))
        let outcome5 = probe.spoke(at: Self.start + .seconds(9))
        #expect(outcome5 == Self.start + .seconds(12))
        let outcome6 = probe.spoke(at: Self.start + .seconds(11))
        #expect(outcome6 == nil)
    }

    @Test func `an early first byte shortens nothing`() {
        var probe = Self.asking()
        let outcome7 = probe.spoke(at: Self.start + .seconds(1))
        #expect(outcome7 == nil)
    }

    @Test func `a probe leaves half of a short start to the worker`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(4)))
        let outcome8 = probe.asked(at: Self.start)
        #expect(outcome8 == Self.start + .seconds(2))
    }

    // MARK: Belief

    @Test func `what is configured is never asked, refuted or remembered`() {
        var probe = EraProbe(configured: .legacy, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.modern, until: .max)
        let outcome9 = probe.processStarting(wallSeconds: .max)
        #expect(!outcome9 && probe.era == .legacy)
        let outcome10 = probe.refuted(hasAnswered: true)
        #expect(outcome10 == .believe)
        let outcome11 = probe.confirmed(until: 5)
        #expect(outcome11 == .none)
    }

    @Test func `what is remembered is believed until it expires`() {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.modern, until: 100)
        let outcome12 = probe.processStarting(wallSeconds: 99)
        #expect(!outcome12 && probe.era == .modern)
        let outcome13 = probe.confirmed(until: 500)
        #expect(outcome13 == .none, "the disk has it")
        let outcome14 = probe.processStarting(wallSeconds: 100)
        #expect(outcome14 && probe.era == nil)
    }

    @Test func `a verdict is remembered when a handshake has shown it right`() {
        var probe = Self.asking()
        _ = probe.reacted(.ended)
        let outcome15 = probe.processStarting(wallSeconds: .max)
        #expect(!outcome15)
        let outcome16 = probe.confirmed(until: 100)
        #expect(outcome16 == .remember(.legacy))
        let outcome17 = probe.confirmed(until: 200)
        #expect(outcome17 == .none)
        let outcome18 = probe.processStarting(wallSeconds: 99)
        #expect(!outcome18)
        let outcome19 = probe.processStarting(wallSeconds: 100)
        #expect(outcome19)
    }

    @Test(arguments: [true, false])
    func `an old verdict is dropped once, and again only after a handshake`(hasAnswered: Bool) {
        var probe = EraProbe(configured: nil, limits: .init(startTimeout: .seconds(30)))
        probe.remembered(.legacy, until: .max)
        let outcome20 = probe.refuted(hasAnswered: hasAnswered)
        #expect(outcome20 == .probeAgain)
        #expect(probe.state == .unknown)
        _ = probe.asked(at: Self.start)
        _ = probe.reacted(.silent)
        let outcome21 = probe.refuted(hasAnswered: true)
        #expect(outcome21 == .believe)
        _ = probe.confirmed(until: 100)
        let outcome22 = probe.refuted(hasAnswered: true)
        #expect(outcome22 == .probeAgain)
    }

    @Test func `a fresh verdict is only dropped for an answer`() {
        var probe = Self.asking()
        _ = probe.reacted(.silent)
        let outcome23 = probe.refuted(hasAnswered: false)
        #expect(outcome23 == .believe)
        let outcome24 = probe.refuted(hasAnswered: true)
        #expect(outcome24 == .probeAgain)
    }

    @Test func `a probe that could not be started leaves nothing known`() {
        var probe = Self.asking()
        probe.abandoned()
        let outcome25 = probe.processStarting(wallSeconds: 0)
        #expect(probe.state == .unknown && outcome25)
    }

    @Test func `a server of the same program takes over what is known, but no probe`() {
        var probe = Self.asking()
        #expect(probe.copy.state == .unknown)
        _ = probe.reacted(.discovered)
        #expect(probe.copy == probe)
    }
}
