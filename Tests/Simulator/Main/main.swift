import Glibc
import Linux
import Simulation

/// One seed, told to a person.
func runOne(_ seed: UInt64, _ arguments: Arguments) -> Int32 {
    let report = Simulation.run(seed: seed, canary: arguments.canary, listener: arguments.isVerbose ? { print($0) } : nil)
    guard let violation = report.violation else {
        print("mcp-sim: seed \(seed) ok, trace \(String(report.hash, radix: 16)), \(report.statistics)")
        return 0
    }
    if !arguments.isVerbose {
        // The same run again, this time with the texts.
        var lines: [String] = []
        _ = Simulation.run(seed: seed, canary: arguments.canary, listener: { lines = Array((lines + [$0]).suffix(50)) })
        for line in lines { print(line) }
    }
    print("mcp-sim: FAILED: seed \(seed)\(arguments.commit.map { " at commit \($0)" } ?? "")")
    print("mcp-sim: \(violation.checker): \(violation.text)")
    return 1
}

/// A share of many seeds: one line a seed, and the end at the first that breaks a rule.
func runShare(_ arguments: Arguments, _ stride: UInt64) -> Int32 {
    var seed = arguments.from
    while seed < arguments.from + arguments.count {
        let report = Simulation.run(seed: seed, canary: arguments.canary)
        guard report.violation == nil else { return 1 }
        print(report.statistics.line)
        seed += stride
    }
    return 0
}

func run() -> Int32 {
    do throws(Arguments.Wrong) {
        let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
        if let stride = arguments.stride { return runShare(arguments, stride) }
        if let seed = arguments.seed { return runOne(seed, arguments) }
        do throws(SystemError) {
            var many = try ManySeeds(arguments)
            return try many.run()
        } catch {
            print("mcp-sim: \(error)")
            return 70
        }
    } catch {
        print("mcp-sim: \(error.text)\n\(Arguments.usage)")
        return 64
    }
}

exit(run())
