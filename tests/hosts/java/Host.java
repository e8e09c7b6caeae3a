import java.io.BufferedReader;
import java.io.InputStreamReader;

/*
 * One thread calls the worker all the time and runs into null pointers, which the
 * machine turns from SIGSEGV into exceptions; it makes garbage, too.
 */
public class Host {
	static native String answer();  /* found by its name */
	/* bound by RegisterNatives */
	static native long count();
	static native int number();

	int field;
	static volatile long caught, rounds, wrong;
	static volatile Object garbage;

	static int read(Host host) {
		return host.field;
	}

	static void busy() {
		Host[] hosts = { new Host(), null };

		for (;;) {
			long before = count();

			try {
				read(hosts[(int)(rounds & 1)]);
				if ((rounds & 1) == 1)
					wrong++;
			} catch (NullPointerException e) {
				caught++;
			}
			garbage = new byte[1000];
			if (count() != before + 1)
				wrong++;
			rounds++;
		}
	}

	public static void main(String[] args) throws Exception {
		Thread thread = new Thread(Host::busy);

		System.load(System.getProperty("user.dir") + "/worker.so");
		thread.setDaemon(true);
		thread.start();
		BufferedReader in = new BufferedReader(
			new InputStreamReader(System.in));
		while (in.readLine() != null) {
			long before = caught;

			while (caught < before + 10)
				Thread.yield();
			System.out.println(answer() + " registered=" +
					   number());
			if (wrong != 0)
				System.exit(1);
		}
	}
}
