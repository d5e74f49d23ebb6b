import Base

/// How often what goes wrong, in draws of a thousand. Swarm: each seed turns on a random half of the kinds with random rates, so
/// that rare combinations come up and no fault hides behind another.
struct Faults {
    // Of a worker, per process.
    var exitBeforeHandshake = 0
    var badHandshake = 0
    var muteHandshake = 0
    var spawnFailure = 0
    var fatalExit = 0
    var ignoresEnd = 0
    var ignoresTerminate = 0
    // Of a worker, per line it reads.
    var crash = 0
    var hangCall = 0
    var freeze = 0
    var closeOutput = 0
    var closeInput = 0
    var junk = 0
    var duplicateAnswer = 0
    var strayAnswer = 0
    var lateAnswer = 0
    var errorAnswer = 0
    var hugeAnswer = 0
    // Of the network.
    var reset = 0
    var halfClose = 0
    var leave = 0
    var torn = 0
    // Of the machine the supervisor runs on.
    var descriptorsOut = 0
    var clockJump = 0

    static let none = Faults()

    static func draw(_ random: inout PRNG) -> Faults {
        var faults = Faults()
        for kind in Self.kinds where random.flip() { faults[keyPath: kind.path] = random.one(of: kind.rates) }
        return faults
    }

    private struct Kind {
        let path: WritableKeyPath<Faults, Int>
        let rates: [Int]
    }

    private static var kinds: [Kind] {
        let perProcess = [20, 100, 400]
        let perLine = [5, 40, 200]
        return [
            Kind(path: \.exitBeforeHandshake, rates: perProcess), Kind(path: \.badHandshake, rates: perProcess),
            Kind(path: \.muteHandshake, rates: perProcess), Kind(path: \.spawnFailure, rates: perProcess),
            Kind(path: \.fatalExit, rates: [10, 50]), Kind(path: \.ignoresEnd, rates: perProcess),
            Kind(path: \.ignoresTerminate, rates: perProcess), Kind(path: \.crash, rates: perLine),
            Kind(path: \.hangCall, rates: perLine), Kind(path: \.freeze, rates: perLine),
            Kind(path: \.closeOutput, rates: [2, 10]), Kind(path: \.closeInput, rates: [2, 10]),
            Kind(path: \.junk, rates: [20, 200, 600]), Kind(path: \.duplicateAnswer, rates: [20, 200]),
            Kind(path: \.strayAnswer, rates: [20, 200]), Kind(path: \.lateAnswer, rates: [300, 1000]),
            Kind(path: \.errorAnswer, rates: [20, 200]), Kind(path: \.hugeAnswer, rates: [5, 40]),
            Kind(path: \.reset, rates: perLine), Kind(path: \.halfClose, rates: perLine), Kind(path: \.leave, rates: [20, 200]),
            Kind(path: \.torn, rates: [200, 1000]), Kind(path: \.descriptorsOut, rates: [20, 200]),
            Kind(path: \.clockJump, rates: [1, 5]),
        ]
    }
}
