import Base
import Linux
import SupervisorCore
import Testing

@testable import SupervisorEdge

@Suite struct WorkerProcessTests {
    private static func launch(usesSocket: Bool) -> WorkerCommand.Launch {
        WorkerCommand.Launch(arguments: [Array("1000".utf8)], environment: [], directory: nil, usesSocket: usesSocket)
    }

    @Test(arguments: [true, false])
    func `without enough descriptors nothing of a half-started worker is left`(usesSocket: Bool) async {
        await #expect(processExitsWith: .success) { [usesSocket] in
            func open() -> [Int32] { (0..<1_024).filter { FileDescriptor(rawValue: $0).isOpen } }
            let before = open()
            let highest = Int(before.max() ?? 0)
            var started = 0
            // Lets a start fail at every descriptor that it needs, and finally succeed.
            for limit in (highest + 1)...(highest + 16) {
                try DescriptorLimit.set(limit)
                let process = try? WorkerProcess.start(
                    Self.launch(usesSocket: usesSocket), program: Array("/bin/sleep".utf8), key: SlotKey(slot: 0, generation: 1),
                    server: "s")
                try DescriptorLimit.raise()
                if let process {
                    #expect(open().count == before.count + (usesSocket ? 3 : 5))
                    process.abandon()
                    started += 1
                }
                #expect(open() == before, "with a limit of \(limit)")
            }
            #expect(started > 0 && started < 16)
        }
    }

    @Test func `a program that does not exist leaves nothing either`() async {
        await #expect(processExitsWith: .success) {
            func open() -> [Int32] { (0..<1_024).filter { FileDescriptor(rawValue: $0).isOpen } }
            let before = open()
            #expect(throws: SystemError.self) {
                _ = try WorkerProcess.start(
                    Self.launch(usesSocket: false), program: Array("/nonexistent".utf8), key: SlotKey(slot: 0, generation: 1),
                    server: "s")
            }
            #expect(open() == before)
        }
    }
}

@Suite struct LogWriterTests {
    @Test func `a reader that has gone costs nothing more`() async {
        await #expect(processExitsWith: .success) {
            try Signal.brokenPipe.ignore()
            let pipe = try DescriptorPair.pipe(nonblocking: true)
            let (reader, writer) = pipe.release()
            var log = LogWriter(output: writer, format: .text, level: .info)
            // More than the pipe holds, so that lines wait.
            for _ in 0..<4_000 { log.write(LogEvent(.info, "a line of a log that nobody reads")) }
            let waited = log.hasPending
            #expect(waited)
            reader.close()
            log.flush()
            let waits = log.hasPending
            #expect(!waits)
            writer.close()
        }
    }
}
