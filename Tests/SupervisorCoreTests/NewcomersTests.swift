import Base
import Testing
import Wire

@testable import SupervisorCore

/// Connections that must show a key and have shown none: the count alone, then in the whole machine.
@Suite struct NewcomersTests {
    private static let limits = NewcomerLimits(start: 10, dropPercent: 30, full: 100)

    /// With `count` of them already there.
    private static func crowd(_ count: Int, _ limits: NewcomerLimits = Self.limits) -> Newcomers {
        var newcomers = Newcomers(limits: limits)
        var chance = PRNG(seed: 1)
        while newcomers.count < count { _ = newcomers.admit(&chance) }
        return newcomers
    }

    @Test func `the first ones are all taken`() {
        var newcomers = Newcomers(limits: Self.limits)
        var chance = PRNG(seed: 3)
        for _ in 0..<10 {
            #expect(!newcomers.areCrowded)
            let isTaken = newcomers.admit(&chance)
            #expect(isTaken)
        }
        #expect(newcomers.areCrowded && newcomers.dropped == 0)
    }

    /// From the configured share at the start evenly to all at the end.
    @Test(arguments: [(9, 0), (10, 30), (55, 65), (99, 99), (100, 100)])
    func `the more there are the more are dropped`(count: Int, percent: Int) {
        let crowd = Self.crowd(count)
        var chance = PRNG(seed: 42)
        var dropped = 0
        for _ in 0..<10_000 {
            var newcomers = crowd
            if !newcomers.admit(&chance) { dropped += 1 }
        }
        #expect(abs(dropped - 100 * percent) <= 200)
    }

    @Test func `one seed gives one series, and another a different one`() {
        func series(_ seed: UInt64) -> [Bool] {
            var newcomers = Self.crowd(50)
            var chance = PRNG(seed: seed)
            return (0..<40).map { _ in newcomers.admit(&chance) }
        }
        #expect(series(1) == series(1))
        #expect(series(1) != series(2))
    }

    @Test func `there are never more than the end, and whoever leaves makes room`() {
        var newcomers = Newcomers(limits: Self.limits)
        var chance = PRNG(seed: 5)
        for _ in 0..<10_000 { _ = newcomers.admit(&chance) }
        #expect(newcomers.count == 100 && newcomers.dropped == 9_900)
        for _ in 0..<91 { newcomers.leave() }
        #expect(!newcomers.areCrowded)
        let isTaken = newcomers.admit(&chance)
        #expect(isTaken)
    }

    @Test func `a start that is the end drops all from there on`() {
        var newcomers = Self.crowd(4, NewcomerLimits(start: 4, dropPercent: 0, full: 4))
        var chance = PRNG(seed: 5)
        for _ in 0..<100 { _ = newcomers.admit(&chance) }
        #expect(newcomers.count == 4 && newcomers.dropped == 100)
    }

    // MARK: In the machine

    private static func file(_ limits: String) -> String {
        #"{"auth":{"required":true,"keys":"file:/k"},"limits":{\#(limits)},\#(Rig.Back.legacy.rawValue)}"#
    }

    private static func rig() throws -> Rig {
        try Rig(file: Self.file(#""unauthenticated":2,"unauthenticatedMax":2"#), keys: [FakeDigests.key("k", "s")])
    }

    private static let discover = RigText.modern("server/discover", [("Authorization", "Bearer msk_k_s")])

    @Test func `whoever shows a key is none of them any more`() throws {
        let rig = try Self.rig()
        for _ in 0..<5 {
            let client = try rig.connect(credential: true)
            client.send(Self.discover)
            #expect(try client.reply().keepsAlive)
        }
        #expect(rig.machine.newcomers.count == 0 && rig.connectionCount == 5)
    }

    @Test func `silent ones fill their places only, until their time is over`() throws {
        let rig = try Self.rig()
        for _ in 0..<2 { _ = try rig.connect(credential: true) }
        for _ in 0..<4 { #expect(rig.connectIfPossible(credential: true) == nil) }
        #expect(rig.logged("dropped a connection: too many have shown no key yet, see limits.unauthenticated"))
        #expect(rig.connectIfPossible() != nil, "a listener that asks for no key is another matter")
        rig.advance(.seconds(10))
        #expect(rig.machine.newcomers.count == 0 && rig.connectionCount == 0)
        let client = try rig.connect(credential: true)
        client.send(Self.discover)
        #expect(try client.reply().status == 200)
    }

    @Test func `what is dropped is told the first, second, fourth and eighth time`() throws {
        let rig = try Self.rig()
        for _ in 0..<10 { _ = rig.connectIfPossible(credential: true) }
        let told = rig.effects.filter { if case .log(let event) = $0 { event.level == .warning } else { false } }
        #expect(rig.machine.newcomers.dropped == 8 && told.count == 4)
    }

    @Test func `while it is crowded an answer without a key is the last of its connection`() throws {
        let rig = try Self.rig()
        let alone = try rig.connect(credential: true)
        alone.send(RigText.request("GET", "/health"))
        #expect(try alone.reply().keepsAlive)
        let second = try rig.connect(credential: true)
        for text in [RigText.request("GET", "/health"), RigText.modern("server/discover")] {
            let client = try rig.machine.newcomers.areCrowded ? second : rig.connect(credential: true)
            client.send(text)
            #expect(try !client.reply().keepsAlive)
            #expect(client.isClosed && rig.machine.newcomers.count == 1)
        }
        let honest = try rig.connect(credential: true)
        honest.send(Self.discover)
        #expect(try honest.reply().keepsAlive)
    }

    @Test func `ten thousand that need no key harm nobody`() throws {
        let rig = try Rig()
        for _ in 0..<10_000 { #expect(rig.connectIfPossible() != nil) }
        #expect(rig.machine.newcomers == Newcomers(limits: Self.limits))
    }
}
