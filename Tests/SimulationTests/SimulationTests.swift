import Simulation
import Testing

@Suite struct SimulationTests {
    @Test(arguments: [1, 7, 42] as [UInt64])
    func `a seed decides everything: run twice it is the same run`(seed: UInt64) {
        let first = Simulation.run(seed: seed)
        let second = Simulation.run(seed: seed)
        #expect(first.hash == second.hash)
        #expect(first.statistics == second.statistics)
    }

    @Test func `two seeds are two runs`() {
        #expect(Simulation.run(seed: 1).hash != Simulation.run(seed: 2).hash)
    }

    @Test func `listening changes nothing`() {
        var lines = 0
        let heard = Simulation.run(seed: 3, listener: { _ in lines += 1 })
        #expect(heard.hash == Simulation.run(seed: 3).hash)
        #expect(lines > 0)
    }

    /// The seeds that found a fault, as far as the draws are still the same. A change of the simulator gives them other lives, which
    /// is why each fault has a test of its own, too.
    @Test(arguments: [5, 10, 17, 26, 31, 36, 37, 98, 155, 248, 508, 839, 1824] as [UInt64])
    func `a seed that found a fault runs clean`(seed: UInt64) {
        let report = Simulation.run(seed: seed)
        #expect(report.violation == nil, "seed \(seed)")
    }

    @Test func `most seeds get real answers, many under faults`() {
        var total = Statistics()
        for seed in 1...40 as ClosedRange<UInt64> { total.add(Simulation.run(seed: seed).statistics) }
        #expect(total.results > 100)
        #expect(total.crashes > 0)
        #expect(total.spawns > 80)
    }
}

@Suite struct CanaryTests {
    /// Which checkers may be the first to see it.
    private static let expected: [Canary: [String]] = [
        .wrongClient: ["foreign bytes", "answers"], .doubleAnswer: ["http", "answers", "foreign bytes"],
        .lostAnswer: ["liveness", "http", "answers", "foreign bytes"], .tornLine: ["worker channel", "liveness", "answers"],
        .unreaped: ["drain", "liveness", "processes"], .noKill: ["drain", "liveness"],
    ]

    @Test(arguments: Canary.allCases)
    func `a bug that was put in on purpose is found within a few hundred seeds`(canary: Canary) {
        for seed in 1...400 as ClosedRange<UInt64> {
            guard let violation = Simulation.run(seed: seed, canary: canary).violation else { continue }
            #expect(Self.expected[canary]?.contains(violation.checker) == true, "\(violation)")
            return
        }
        Issue.record("400 seeds did not show \(canary.rawValue)")
    }

    @Test(arguments: Canary.allCases)
    func `without its canary the seed that found it is clean`(canary: Canary) {
        for seed in 1...400 as ClosedRange<UInt64> where Simulation.run(seed: seed, canary: canary).violation != nil {
            #expect(Simulation.run(seed: seed).violation == nil)
            return
        }
    }
}
