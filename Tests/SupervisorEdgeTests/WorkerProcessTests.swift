import Base
import Linux
import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct WorkerProcessTests {
    private static func launch(usesSocket: Bool) -> WorkerCommand.Launch {
        WorkerCommand.Launch(arguments: [Array("1000".utf8)], environment: [], directory: nil, usesSocket: usesSocket)
    }

    private static func open() -> [Int32] { (0..<1_024).filter { FileDescriptor(rawValue: $0).isOpen } }

    /// Whether `body` leaves as many descriptors open as it found. Asked three times: the runner of the test may open one of its own
    /// meanwhile, but a leak is there every time.
    private static func leavesNothing(_ body: () throws -> Void) rethrows -> Bool {
        for _ in 0..<3 {
            let before = Self.open()
            try body()
            if Self.open() == before { return true }
        }
        return false
    }

    @Test(arguments: [true, false])
    func `without enough descriptors nothing of a half-started worker is left`(usesSocket: Bool) async {
        await #expect(processExitsWith: .success) { [usesSocket] in
            var outcomes: Set<Bool> = []
            // Lets a start fail at every descriptor that it needs, and finally succeed.
            for room in 0...20 {
                let isClean = try Self.leavesNothing {
                    let free = (Int32(0)..<1_024).filter { !FileDescriptor(rawValue: $0).isOpen }
                    try DescriptorLimit.set(Int(free[room]))
                    let process = try? WorkerProcess.start(
                        Self.launch(usesSocket: usesSocket), program: Array("/bin/sleep".utf8),
                        key: SlotKey(slot: 0, generation: 1), server: "s")
                    try DescriptorLimit.raise()
                    outcomes.insert(process != nil)
                    process?.abandon()
                }
                #expect(isClean, "with room for \(room)")
            }
            #expect(outcomes == [true, false])
        }
    }

    @Test func `a program that does not exist leaves nothing either`() async {
        await #expect(processExitsWith: .success) {
            let isClean = Self.leavesNothing {
                #expect(throws: SystemError.self) {
                    _ = try WorkerProcess.start(
                        Self.launch(usesSocket: false), program: Array("/nonexistent".utf8),
                        key: SlotKey(slot: 0, generation: 1), server: "s")
                }
            }
            #expect(isClean)
        }
    }
}
