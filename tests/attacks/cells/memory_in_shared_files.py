# attack: memory is filled by files in /dev/shm and by memfd
# against: walls
# memory: 4e8
# needs: cgroup or namespaces
# expect: no-value
# limit: 20
import os, time
fd = os.memfd_create("filled")
for _ in range(60):
    os.write(fd, b"x" * 20_000_000)
time.sleep(2)
