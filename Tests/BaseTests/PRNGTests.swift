import Base
import Testing

@Suite struct PRNGTests {
    @Test func `the sequence of a seed is that of SplitMix64`() {
        // The first outputs for seed 1234567, as published with the algorithm's other ports.
        var random = PRNG(seed: 1_234_567)
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(random.next() == 3_203_168_211_198_807_973)
        #expect(random.next() == 9_817_491_932_198_370_423)
    }

    @Test func `one seed gives one sequence`() {
        var first = PRNG(seed: 9)
        var second = PRNG(seed: 9)
        var other = PRNG(seed: 10)
        var differences = 0
        for _ in 0..<100 {
            let value = first.next()
            #expect(value == second.next())
            if value != other.next() { differences += 1 }
        }
        #expect(differences == 100)
    }

    @Test(arguments: [1, 2, 3, 7, 1_000, Int.max]) func `a bounded value stays below its bound`(bound: Int) {
        var random = PRNG(seed: 1)
        for _ in 0..<1_000 { #expect((0..<bound).contains(random.below(bound))) }
    }

    @Test func `every value below a small bound appears about as often as the others`() {
        var random = PRNG(seed: 2)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[random.below(10)] += 1 }
        for count in counts { #expect((800...1_200).contains(count)) }
    }

    @Test func `a chance is never, always or in proportion`() {
        var random = PRNG(seed: 3)
        var hits = 0
        for _ in 0..<10_000 {
            let never = random.chance(0, in: 5)
            let always = random.chance(5, in: 5)
            #expect(!never && always)
            if random.chance(1, in: 4) { hits += 1 }
        }
        #expect((2_200...2_800).contains(hits))
    }

    @Test func `a bound of zero is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var random = PRNG(seed: 1)
            _ = random.below(0)
        }
    }
}
