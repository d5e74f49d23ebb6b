import Simulation
import Testing

@Suite struct SimulationTests {
    @Test func `the same seed is the same run`() {
        for seed in UInt64(1)...5 {
            let first = Simulation.run(seed: seed)
            #expect(Simulation.run(seed: seed).hash == first.hash)
        }
    }
}
