import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Utils;

/** Partition of a subject in interest-profiles and offers: that of its account, by murmur2. */
public final class SubjectPartition {
    private SubjectPartition() {}

    public static int of(String subject, int partitions) {
        byte[] account = subject.split("/", 2)[0].getBytes(StandardCharsets.UTF_8);
        return Utils.toPositive(Utils.murmur2(account)) % partitions;
    }
}
