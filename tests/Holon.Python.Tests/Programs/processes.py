# Processes of multiprocessing with the start method that nobody has chosen.
import concurrent.futures
import multiprocessing


def square(x):
    return x * x


if __name__ == "__main__":
    print(multiprocessing.get_start_method() in multiprocessing.get_all_start_methods())
    with multiprocessing.Pool(1) as pool:
        print(pool.map(square, range(5)))
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        print(list(executor.map(square, range(4))))
        try:
            executor.submit(square, "x").result()
        except TypeError as error:
            print(error)
